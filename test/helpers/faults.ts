// Puts a guestd with faults (faulty-guestd.ts) in the place of a test machine's own, and tells it what is to fail.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { installBundled } from "./bundled.ts";
import type { Machine } from "./machine.ts";
import { waitFor } from "./wait.ts";

const MET_LIMIT_MS = 20_000;

/** Has systemd start it in place of the other. */
export async function installFaulty(machine: Machine): Promise<void> {
  await installBundled(machine, "faulty-guestd.ts", "/usr/lib/guestd/faulty-guestd.js");
  await machine.write(
    "/etc/systemd/system/guestd.service.d/faulty.conf",
    "[Service]\nExecStart=\nExecStart=/usr/bin/node /usr/lib/guestd/faulty-guestd.js\n",
  );
  await machine.sh("systemctl daemon-reload; systemctl stop guestd");
}

// From outside: a program in the machine would take longer than all else.
const faultFile = (machine: Machine) => `/proc/${machine.pid}/root/run/guestd-fault`;

/** Says what is to strike, as faulty-guestd.ts reads it. */
export function setFault(machine: Machine, fault: string): void {
  writeFileSync(faultFile(machine), fault);
}

/** What has not struck yet does not any more. */
export function clearFault(machine: Machine): void {
  rmSync(faultFile(machine), { force: true });
}

/** What has not struck yet; "" when it has. */
export function pendingFault(machine: Machine): string {
  try {
    return readFileSync(faultFile(machine), "utf8");
  } catch {
    return "";
  }
}

export const awaitFault = (machine: Machine) =>
  waitFor("the fault to strike", () => pendingFault(machine) === "", MET_LIMIT_MS);

/** Kills guestd; systemd starts it again. */
export const killDaemon = (machine: Machine) => machine.sh("systemctl kill --signal=KILL guestd");
