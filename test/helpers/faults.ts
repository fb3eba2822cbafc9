// Replaces a test machine's guestd by one with faults (faulty-guestd.ts), and sets the fault.
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

// From outside: a program in the machine would take longer than everything else.
const faultFile = (machine: Machine) => `/proc/${machine.pid}/root/run/guestd-fault`;

/** Sets the next fault, in the format of faulty-guestd.ts. */
export function setFault(machine: Machine, fault: string): void {
  writeFileSync(faultFile(machine), fault);
}

/** Cancels a fault that has not happened yet. */
export function clearFault(machine: Machine): void {
  rmSync(faultFile(machine), { force: true });
}

/** The fault that has not happened yet; "" when it has. */
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
