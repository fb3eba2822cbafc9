// The entry point of guestctl. Its exit code is set here and nowhere else.
import { EXIT, runGuestctl, SYSTEM_TERMINAL } from "./cli/main.ts";

// A reader that closes early ("guestctl list | head -1") is no error; a full disk is.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return;
  process.stderr.write(`guestctl: what it has to say could not be written: ${error.message}\n`);
  process.exitCode = EXIT.failed;
});

const code = await runGuestctl(process.argv.slice(2), SYSTEM_TERMINAL);
process.exitCode ??= code;
