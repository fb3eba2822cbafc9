// How a process is named to a person.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quoteName } from "../sentences.ts";

/** "process 12 (bash)", or "process 12" where its name cannot be read. The name is its owner's choice. */
export function nameProcess(proc: string, pid: number): string {
  const name = quoteName(readName(join(proc, String(pid), "comm")));
  return name === "" ? `process ${pid}` : `process ${pid} (${name})`;
}

// As bytes: a name that is no UTF-8 would be another one.
function readName(path: string): Buffer {
  try {
    return readFileSync(path).subarray(0, -1);
  } catch {
    return Buffer.alloc(0);
  }
}
