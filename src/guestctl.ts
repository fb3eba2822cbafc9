// The entry of guestctl. The one place where it exits.
import { runGuestctl, SYSTEM_TERMINAL } from "./cli/main.ts";

process.exitCode = await runGuestctl(process.argv.slice(2), SYSTEM_TERMINAL);
