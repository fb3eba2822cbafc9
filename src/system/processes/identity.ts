// Tells a process from a later one with its PID, by its start time.
import { closeSync } from "node:fs";
import type { Leader } from "../../policy/session.ts";
import type { Bindings } from "../bindings.ts";
import { readIfThere } from "../read-file.ts";

/** Returns clock ticks since boot (proc_pid_stat(5), field 22); undefined if it is gone. */
export function readStartTime(pid: number, proc = "/proc"): number | undefined {
  const stat = readIfThere(`${proc}/${pid}/stat`);
  // Counted from the last bracket: the command name may contain blanks and brackets.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields?.[19] === undefined ? undefined : Number(fields[19]);
}

export const isThere = ({ pid, startTime }: Leader): boolean => readStartTime(pid) === startTime;

/** @returns a pidfd; undefined if the process has ended */
export function openProcess({ openPidfd }: Pick<Bindings, "openPidfd">, process: Leader): number | undefined {
  let pidfd;
  try {
    pidfd = openPidfd(process.pid);
  } catch {
    return undefined;
  }
  if (isThere(process)) return pidfd;
  closeSync(pidfd);
  return undefined;
}
