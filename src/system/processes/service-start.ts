// Tells a login from a service of systemd's with PAMName=: there the process that opens the session becomes the program.
import { readlinkSync } from "node:fs";
import { join } from "node:path";

/** systemd forks itself to start a service; from version 254 on it starts systemd-executor for that. Replaced by an upgrade: deleted. */
const MANAGER = /\/systemd\/systemd(-executor)?( \(deleted\))?$/;

/** Whether a process is systemd's, on its way to the program of a service. @param pid of a process that waits for an answer */
export function startsService(pid: number, proc = "/proc"): boolean {
  try {
    return MANAGER.test(readlinkSync(join(proc, String(pid), "exe")));
  } catch {
    // It has ended: its session cannot be opened either.
    return false;
  }
}
