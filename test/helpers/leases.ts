// A leased account on a test machine: its guest, its UID, and what is left of it.
import { existsSync } from "node:fs";
import type { GuestReceipt } from "./guests.ts";
import { askForRows, awaitReceipt, listSessions } from "./guests.ts";
import type { Machine } from "./machine.ts";
import type { Terminal } from "./terminal.ts";
import { waitFor, waitUntil } from "./wait.ts";

export interface LeasedGuest {
  readonly terminal: Terminal;
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly leader: number;
  /** On the host, while the leader lives. */
  readonly home: string;
}

export interface Swept {
  readonly kind: string;
  readonly found: number;
  readonly removed: number;
  readonly left: readonly string[];
}

/** As guestd lists it: a UID of the range, or a quarantined one. */
export interface Lease {
  readonly uid: number;
  /** The last of the following UIDs in the same state. */
  readonly last: number;
  readonly state: string;
  readonly user: string;
  readonly session: string;
  readonly reason: string;
}

export async function startLease(machine: Machine): Promise<LeasedGuest> {
  const terminal = await machine.loginAsGhost();
  const [id = "", user = "", uid = ""] = (await terminal.ask("echo $GUEST_SESSION; id -un; id -u")).split("\n");
  const leader = (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0;
  return { terminal, id, user, uid: Number(uid), leader, home: `/proc/${leader}/root/home/${user}` };
}

/**
 * Waits until a session's end is complete: the receipt precedes the return of the UID. Reads a file, without a call.
 */
export async function awaitForgotten(machine: Machine, id: string, limitMs?: number): Promise<void> {
  const record = `/proc/${machine.pid}/root/run/guestd/sessions/${id}.json`;
  await waitFor(`session ${id} to be forgotten`, () => !existsSync(record), limitMs);
}

/** Logs out, and waits until the UID is returned or quarantined. */
export async function endLease(
  machine: Machine,
  { terminal, id }: LeasedGuest,
): Promise<GuestReceipt & { readonly swept: readonly Swept[] }> {
  await terminal.logOut();
  const receipt = (await awaitReceipt(machine, id)) as GuestReceipt & { readonly swept: readonly Swept[] };
  await awaitForgotten(machine, id);
  return receipt;
}

/** Only classes in which something was found or left. */
export function foundIn(
  swept: readonly Swept[],
): Record<string, readonly [found: number, removed: number, left: number]> {
  const some = swept.filter(({ found, left }) => found > 0 || left.length > 0);
  return Object.fromEntries(some.map(({ kind, found, removed, left }) => [kind, [found, removed, left.length]]));
}

export async function listLeases(machine: Machine): Promise<Lease[]> {
  return askForRows<Lease>(machine, "ListLeases");
}

export async function stateOf(machine: Machine, uid: number): Promise<string | undefined> {
  return (await listLeases(machine)).find((row) => row.uid <= uid && uid <= row.last)?.state;
}

export async function awaitState(machine: Machine, uid: number, state: string, limitMs = 15_000): Promise<void> {
  await waitUntil(
    `uid ${uid} to be ${state}`,
    () => stateOf(machine, uid),
    (seen) => seen === state,
    limitMs,
  );
}

/** Includes files on every file system, and IPC objects. "" when there is nothing. */
export function findOwned(machine: Machine, uid: number): Promise<string> {
  return machine.sh(`find / \\( -path /proc -o -path /sys \\) -prune -o -uid ${uid} -print
    awk '$0 ~ / ${uid} /' /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg
    ps -eo uid=,pid=,args= | awk '$1 == ${uid}'`);
}
