// Replaces a machine's guestd with faulty-guestd.ts, and sets its fault.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { installBundled } from "./bundled.ts";
import type { Machine } from "./machine.ts";
import { waitFor } from "./wait.ts";

const MET_LIMIT_MS = 20_000;

export async function installFaulty(machine: Machine): Promise<void> {
  await installBundled(machine, "faulty-guestd.ts", "/usr/lib/guestd/faulty-guestd.js");
  await machine.write(
    "/etc/systemd/system/guestd.service.d/faulty.conf",
    "[Service]\nExecStart=\nExecStart=/usr/bin/node /usr/lib/guestd/faulty-guestd.js\n",
  );
  await machine.sh("systemctl daemon-reload; systemctl stop guestd");
}

// Written from outside: running a program in the machine is slow.
const faultFile = (machine: Machine) => `/proc/${machine.pid}/root/run/guestd-fault`;

/** Uses the format of faulty-guestd.ts. */
export function setFault(machine: Machine, fault: string): void {
  writeFileSync(faultFile(machine), fault);
}

export function clearFault(machine: Machine): void {
  rmSync(faultFile(machine), { force: true });
}

/** "" once the fault has happened. */
export function pendingFault(machine: Machine): string {
  try {
    return readFileSync(faultFile(machine), "utf8");
  } catch {
    return "";
  }
}

export const awaitFault = (machine: Machine) =>
  waitFor("the fault to strike", () => pendingFault(machine) === "", MET_LIMIT_MS);

/** systemd starts guestd again. */
export const killDaemon = (machine: Machine) => machine.sh("systemctl kill --signal=KILL guestd");
