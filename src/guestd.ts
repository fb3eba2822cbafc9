// The daemon's entry.
import { start } from "./start.ts";

await start();
