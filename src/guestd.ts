// The entry point of the daemon.
import { start } from "./start.ts";

await start();
