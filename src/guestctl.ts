// The entry of guestctl. Its exit code is set here and nowhere else.
import { runGuestctl, SYSTEM_TERMINAL } from "./cli/main.ts";

// A reader that has seen enough ("guestctl list | head -1") is no error.
process.stdout.on("error", () => undefined);

process.exitCode = await runGuestctl(process.argv.slice(2), SYSTEM_TERMINAL);
