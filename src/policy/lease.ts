// The uids of leased accounts: which is leased next, and which are not. Pure.
// A uid is leased to one login at a time, is given back after a clean end, and rests as long as others can be had.
import type { Config } from "../config/schema.ts";

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
}

/** What is known of the uids that no session has. A uid that it does not know was never used. */
export interface LeasePool {
  /** Given back, the longest unused first. */
  readonly rested: readonly number[];
  /** Not leased, and why: something of its last guest may be left, or it is foreign. */
  readonly quarantined: ReadonlyMap<number, Quarantine>;
}

export const EMPTY_POOL: LeasePool = { rested: [], quarantined: new Map() };

/**
 * The uid for the next login: one that was never used, else the one that has rested longest.
 * @param taken uids of live sessions
 * @returns undefined when the range is used up
 */
export function pickUid(range: UidRange, pool: LeasePool, taken: ReadonlySet<number>): number | undefined {
  const isFree = (uid: number) => isLeasable(range, uid) && !taken.has(uid) && !pool.quarantined.has(uid);
  const rested = new Set(pool.rested);
  for (let uid = range.first; uid <= range.last; uid++) {
    if (!rested.has(uid) && isFree(uid)) return uid;
  }
  return pool.rested.find(isFree);
}

/** Whether a uid is one of those that are leased. */
export const isLeasable = ({ first, last }: UidRange, uid: number): boolean =>
  uid >= first && uid <= last && uid !== GHOST_UID;

/** Leases a uid: it rests no more. */
export function takeUid(pool: LeasePool, uid: number): LeasePool {
  return { ...pool, rested: pool.rested.filter((other) => other !== uid) };
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
