// The uids of leased accounts: which is leased next, and which are not. Pure.
// A uid is leased to one login at a time, is given back after a clean end, and rests as long as others can be had.
import type { Config } from "../config/schema.ts";
import { isGuestUid } from "./account.ts";
import type { UidMap } from "./uid-map.ts";
import { EVERY_UID, isMapped } from "./uid-map.ts";

/** Of the ghost: as far up as greeters still list users, and where no tool puts new ones (login.defs(5), adduser.conf(5)). */
export const GHOST_UID = 60_000;

type UidRange = Config["Guests"]["LeaseRange"];

/** Why a uid is not leased. */
export interface Quarantine {
  readonly reason: string;
  /** The name that its last guest had: some of what may be left goes by it. */
  readonly user: string;
  /** Id of the session that has left something; the memory of its view goes by it. */
  readonly session?: string;
  /** It belongs to a user of the machine: nothing of it is taken away. */
  readonly foreign?: boolean;
  /** Nothing of its last guest is known to be left, but not everywhere was looked: the walk does that (walk.ts). */
  readonly waits?: boolean;
}

/** What becomes of a uid, and why: the end of a sentence. */
export const describeQuarantine = ({ reason, waits }: Quarantine): string =>
  `${waits === true ? "waits" : "is quarantined"}: ${reason}`;

/** What is written down of the uids that no session has. */
export interface KeptLeases {
  /** Given back, the longest unused first. */
  readonly rested: readonly number[];
  /** Not leased, and why: something of its last guest may be left, or it is foreign. */
  readonly quarantined: ReadonlyMap<number, Quarantine>;
}

/** All that is known of them. The next uid stands first in a list: a login walks none of the thousands. */
export interface LeasePool extends KeptLeases {
  /** Uids of the range that nothing is known of, in their order. One that a session has may still be among them. */
  readonly unused: readonly number[];
}

export const EMPTY_POOL: LeasePool = { unused: [], rested: [], quarantined: new Map() };

/** The pool for a range, from what is known of its uids. Walks the range: for a new configuration, not for a login. */
export function fillPool(range: UidRange, { rested, quarantined }: KeptLeases): LeasePool {
  const known = new Set(rested);
  const unused = listUids(range).filter((uid) => !known.has(uid) && !quarantined.has(uid));
  return { unused, rested, quarantined };
}

/** The uids of a range that can be leased, in their order. */
export const listUids = (range: UidRange): number[] =>
  Array.from({ length: range.last - range.first + 1 }, (_, index) => range.first + index).filter((uid) =>
    isLeasable(range, uid),
  );

/**
 * The uid for the next login: one that was never used, else the one that has rested longest.
 * @param taken uids of live sessions
 * @param uidMap the uids that there are
 * @param share how much of either list is passed over at first, from 0 to 1
 * @returns undefined when the range is used up
 */
export function pickUid(
  range: UidRange,
  pool: LeasePool,
  taken: ReadonlySet<number>,
  uidMap: UidMap = EVERY_UID,
  share = 0,
): number | undefined {
  const isFree = (uid: number) =>
    isLeasable(range, uid) && isMapped(uidMap, uid) && !taken.has(uid) && !pool.quarantined.has(uid);
  const find = (uids: readonly number[]) =>
    uids.slice(Math.floor(uids.length * share)).find(isFree) ?? uids.find(isFree);
  return find(pool.unused) ?? find(pool.rested);
}

export const countForeign = ({ quarantined }: KeptLeases): number =>
  [...quarantined.values()].filter(({ foreign }) => foreign === true).length;

/** So many foreign uids are passed over one by one: more than that may be the uids of a directory, thousands in a row. */
const FEW_FOREIGN = 3;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Where the next uid is looked for after one that was foreign, as pickUid() takes it: each time far from where it was looked before. */
export function shareAfterForeign(pool: KeptLeases): number {
  const count = countForeign(pool);
  return count < FEW_FOREIGN ? 0 : (count * GOLDEN) % 1;
}

/** Whether a uid is one of those that are leased. */
export const isLeasable = ({ first, last }: UidRange, uid: number): boolean =>
  uid >= first && uid <= last && uid !== GHOST_UID && isGuestUid(uid);

/** Leases a uid: it rests no more. */
export function takeUid(pool: LeasePool, uid: number): LeasePool {
  return { ...pool, unused: without(pool.unused, uid), rested: without(pool.rested, uid) };
}

// As a rule it is the first one.
function without(uids: readonly number[], uid: number): readonly number[] {
  const at = uids.indexOf(uid);
  return at < 0 ? uids : [...uids.slice(0, at), ...uids.slice(at + 1)];
}

/** A uid is given back: it is the last one to be leased again. */
export function restUid(pool: LeasePool, uid: number): LeasePool {
  return { ...pool, rested: [...takeUid(pool, uid).rested, uid] };
}

/** Puts a uid into quarantine. */
export function quarantineUid(pool: LeasePool, uid: number, why: Quarantine): LeasePool {
  return { ...takeUid(pool, uid), quarantined: new Map(pool.quarantined).set(uid, why) };
}

/** Ends the quarantine of a uid: it is leased again, after all others. */
export function releaseUid(pool: LeasePool, uid: number): LeasePool {
  const quarantined = new Map(pool.quarantined);
  quarantined.delete(uid);
  return restUid({ ...pool, quarantined }, uid);
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const SUFFIX_LENGTH = 4;
const SUFFIXES = ALPHABET.length ** SUFFIX_LENGTH;

/** The home of a leased account: on the host nothing is there. */
export const leasedHome = (user: string): string => `/home/${user}`;

/** What desktops and greeters show for a leased account: "Guest k3f9" for guest-k3f9. They tell guests apart by it. */
export const leasedRealName = (ghostName: string, user: string): string =>
  `${ghostName} ${user.slice(user.lastIndexOf("-") + 1)}`;

/**
 * A name that no live session has, "guest-k3f9".
 * @param random a whole number from 0
 */
export function makeLeaseName(random: number, taken: ReadonlySet<string>): string {
  for (let number = random % SUFFIXES; ; number = (number + 1) % SUFFIXES) {
    const suffix = Array.from(
      { length: SUFFIX_LENGTH },
      (_, digit) => ALPHABET[Math.floor(number / ALPHABET.length ** digit) % ALPHABET.length],
    );
    const name = `guest-${suffix.join("")}`;
    if (!taken.has(name)) return name;
  }
}
