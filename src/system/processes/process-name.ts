// How a process is named to a person.
import { join } from "node:path";
import { readIfThere } from "../read-file.ts";

/** "process 12 (bash)". The name is its owner's choice: what is no plain character is left out. */
export function nameProcess(proc: string, pid: number): string {
  const name = (readIfThere(join(proc, String(pid), "comm")) ?? "").replaceAll(/[^\w .:/+@-]/g, "");
  return name === "" ? `process ${pid}` : `process ${pid} (${name})`;
}
