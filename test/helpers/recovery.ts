// A guestd that goes down and returns: what it has kept, and whether it reports each end once.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { findDaemon, injectFault } from "./fault.ts";
import type { GuestReceipt } from "./guests.ts";
import { askForRows, askGuestd, awaitReceipt } from "./guests.ts";
import type { Machine } from "./machine.ts";
import { waitFor, waitUntil } from "./wait.ts";

const RETURN_LIMIT_MS = 15_000;

/** "0" while guestd is down. */
export const mainPid = (machine: Machine) => machine.sh("systemctl show -P MainPID guestd");

/** The bus starts guestd if it is down. */
export const answers = (machine: Machine) =>
  askGuestd(machine, "GetStatus").then(
    () => true,
    () => false,
  );

/** Keeps the journal on disk, across restarts of the machine. */
export async function keepJournal(machine: Machine): Promise<void> {
  await machine.sh(
    "sed -i s/volatile/persistent/ /etc/systemd/journald.conf.d/test.conf; systemctl restart systemd-journald; journalctl --flush",
  );
}

export async function awaitReturn(machine: Machine, before: string): Promise<void> {
  await waitFor(
    "guestd to be back",
    async () => (await answers(machine)) && !["0", before].includes(await mainPid(machine)),
    RETURN_LIMIT_MS,
  );
}

/**
 * Kills guestd at a system call during an action, and waits until the next one answers.
 * @param instant in injectFault()'s syntax
 * @throws Error when guestd was not killed
 */
export async function killAt(machine: Machine, instant: string, act: () => Promise<unknown>): Promise<void> {
  const [before, daemon] = [await mainPid(machine), findDaemon(machine)];
  const stop = await injectFault(machine, `${instant}:signal=SIGKILL`);
  await act();
  // Killed in a pool thread, guestd stays a zombie until strace detaches.
  await waitFor(`guestd to be killed at ${instant}`, () => hasEnded(daemon ?? 0)).finally(stop);
  await awaitReturn(machine, before);
}

function hasEnded(pid: number): boolean {
  try {
    return /^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

export async function awaitStored(machine: Machine, count: number): Promise<void> {
  const stored = () => machine.sh("systemctl show -P NFileDescriptorStore guestd");
  // systemd reads its messages with a delay.
  await waitUntil(`systemd to hold ${count} descriptors`, stored, (seen) => seen === String(count));
}

/** The descriptors that systemd passed to the running guestd. */
export function handedOver(machine: Machine): string[] {
  const environment = readFileSync(`/proc/${findDaemon(machine) ?? 0}/environ`, "utf8");
  const [, names = ""] = /(?:^|\0)LISTEN_FDNAMES=([^\0]*)/.exec(environment) ?? [];
  return names === "" ? [] : names.split(":");
}

/** Saved sessions in memory and on disk, and partial files. */
export const listRecords = (machine: Machine) =>
  machine.sh(`find /run/guestd -type f -o -path '*/unmanaged/*'
    find /var/lib/guestd/open /var/lib/guestd/quarantine /var/lib/guestd/receipts -type f ! -path '*/receipts/*.json' 2>/dev/null || true`);

/** guestd and the journal must each know the end once. */
export async function expectOneReceipt(machine: Machine, id: string, limitMs?: number): Promise<GuestReceipt> {
  const receipt = await awaitReceipt(machine, id, limitMs);
  const kept = await askForRows<Pick<GuestReceipt, "id" | "left">>(machine, "ListReceipts b false");
  expect(kept.filter((one) => one.id === id)).toMatchObject([{ left: receipt.left }]);
  const told = await machine.journal(
    `GUEST_SESSION=${id}`,
    "GUEST_ACTION=announce-closed",
    "_SYSTEMD_UNIT=guestd.service",
  );
  expect(told.map((entry) => entry["GUEST_RESULT"])).toEqual(["done"]);
  return receipt;
}
