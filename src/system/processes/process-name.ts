// How sentences name a process.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quoteName } from "../sentences.ts";

/** "process 12 (bash)", or "process 12" if the name is unreadable. Its owner chooses the name. */
export function nameProcess(proc: string, pid: number): string {
  const name = quoteName(readName(join(proc, String(pid), "comm")));
  return name === "" ? `process ${pid}` : `process ${pid} (${name})`;
}

// Decoding would change names that are not UTF-8.
function readName(path: string): Buffer {
  try {
    return readFileSync(path).subarray(0, -1);
  } catch {
    return Buffer.alloc(0);
  }
}
