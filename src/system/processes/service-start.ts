// Tells a login from a systemd service with PAMName=, whose process then becomes the program.
import { readlinkSync } from "node:fs";
import { join } from "node:path";

/** systemd-executor since version 254. "(deleted)" after an upgrade. */
const MANAGER = /\/systemd\/systemd(-executor)?( \(deleted\))?$/;

/** @param pid of a process that waits for an answer */
export function startsService(pid: number, proc = "/proc"): boolean {
  try {
    return MANAGER.test(readlinkSync(join(proc, String(pid), "exe")));
  } catch {
    // It has ended, so it cannot open a session.
    return false;
  }
}
