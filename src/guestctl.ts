// The entry point of guestctl. It alone sets the exit code.
import { EXIT, runGuestctl, SYSTEM_TERMINAL } from "./cli/main.ts";

// A reader may close early ("guestctl list | head -1"), but a full disk is an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return;
  process.stderr.write(`guestctl: what it has to say could not be written: ${error.message}\n`);
  process.exitCode = EXIT.failed;
});

const code = await runGuestctl(process.argv.slice(2), SYSTEM_TERMINAL);
process.exitCode ??= code;
