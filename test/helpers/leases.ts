// A leased account on a test machine: its guest, the state of its UID, and what is left of it anywhere.
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
  /** Its home as the host sees it, while the leader lives. */
  readonly home: string;
}

/** One class of the search at an end. */
export interface Swept {
  readonly kind: string;
  readonly found: number;
  readonly removed: number;
  readonly left: readonly string[];
}

/** A UID of the range, or a quarantined one, as guestd lists it. */
export interface Lease {
  readonly uid: number;
  /** The last of the following UIDs in the same state. */
  readonly last: number;
  readonly state: string;
  readonly user: string;
  readonly session: string;
  readonly reason: string;
}

/** Logs in as the ghost. */
export async function startLease(machine: Machine): Promise<LeasedGuest> {
  const terminal = await machine.loginAsGhost();
  const [id = "", user = "", uid = ""] = (await terminal.ask("echo $GUEST_SESSION; id -un; id -u")).split("\n");
  const leader = (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0;
  return { terminal, id, user, uid: Number(uid), leader, home: `/proc/${leader}/root/home/${user}` };
}

/**
 * Waits until a session's end is complete: the receipt is announced before its UID is returned. From outside, without a
 * call.
 */
export async function awaitForgotten(machine: Machine, id: string, limitMs?: number): Promise<void> {
  const record = `/proc/${machine.pid}/root/run/guestd/sessions/${id}.json`;
  await waitFor(`session ${id} to be forgotten`, () => !existsSync(record), limitMs);
}

/** Logs out, and returns the receipt with all its classes. The UID is then free or quarantined. */
export async function endLease(
  machine: Machine,
  { terminal, id }: LeasedGuest,
): Promise<GuestReceipt & { readonly swept: readonly Swept[] }> {
  await terminal.logOut();
  const receipt = (await awaitReceipt(machine, id)) as GuestReceipt & { readonly swept: readonly Swept[] };
  await awaitForgotten(machine, id);
  return receipt;
}

/** The classes in which something was found or left, each with its numbers. */
export function foundIn(
  swept: readonly Swept[],
): Record<string, readonly [found: number, removed: number, left: number]> {
  const some = swept.filter(({ found, left }) => found > 0 || left.length > 0);
  return Object.fromEntries(some.map(({ kind, found, removed, left }) => [kind, [found, removed, left.length]]));
}

/** Every UID of the range, and quarantined ones. */
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

/**
 * Everything that belongs to a UID on the whole machine, on every file system, and its IPC objects; "" when there is
 * nothing.
 */
export function findOwned(machine: Machine, uid: number): Promise<string> {
  return machine.sh(`find / \\( -path /proc -o -path /sys \\) -prune -o -uid ${uid} -print
    awk '$0 ~ / ${uid} /' /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg
    ps -eo uid=,pid=,args= | awk '$1 == ${uid}'`);
}
