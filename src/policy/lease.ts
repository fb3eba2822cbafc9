// UIDs of leased accounts: which is next, and which are not leased. Pure. A UID has one login at a time, and rests
// after a clean end.
import type { Config } from "../config/schema.ts";
import { isGuestUid } from "./account.ts";
import type { UidMap } from "./uid-map.ts";
import { EVERY_UID, isMapped } from "./uid-map.ts";

/** The highest UID that greeters list and tools never assign (login.defs(5), adduser.conf(5)). */
export const GHOST_UID = 60_000;

type UidRange = Config["Guests"]["LeaseRange"];

export interface Quarantine {
  readonly reason: string;
  /** The last guest; some leftovers are found by name. */
  readonly user: string;
  /** The session's id; its memory is found by it. */
  readonly session?: string;
  /** A user of the machine has it. Their things are not touched. */
  readonly foreign?: boolean;
  /** Nothing is known to be left, but the walk (walk.ts) is not done. */
  readonly waits?: boolean;
}

/** Returns the state and the reason, as the end of a sentence. */
export const describeQuarantine = ({ reason, waits }: Quarantine): string =>
  `${waits === true ? "waits" : "is quarantined"}: ${reason}`;

/** What is saved about UIDs without sessions. */
export interface KeptLeases {
  /** Given back, the longest unused first. */
  readonly rested: readonly number[];
  /** Something may be left, or the UID is foreign. */
  readonly quarantined: ReadonlyMap<number, Quarantine>;
}

/** The UIDs are in order, so a login does not walk thousands. */
export interface LeasePool extends KeptLeases {
  /** Never used, in order. May include a session's UID. */
  readonly unused: readonly number[];
}

export const EMPTY_POOL: LeasePool = { unused: [], rested: [], quarantined: new Map() };

/** Fills the pool. It walks the whole range: for a new configuration, not for a login. */
export function fillPool(range: UidRange, { rested, quarantined }: KeptLeases): LeasePool {
  const known = new Set(rested);
  const unused = listUids(range).filter((uid) => !known.has(uid) && !quarantined.has(uid));
  return { unused, rested, quarantined };
}

/** Returns the UIDs that can be leased, in order. */
export const listUids = (range: UidRange): number[] =>
  Array.from({ length: range.last - range.first + 1 }, (_, index) => range.first + index).filter((uid) =>
    isLeasable(range, uid),
  );

/**
 * Picks the next UID: one never used, else the longest rested.
 * @param taken UIDs of live sessions
 * @param uidMap the UIDs that exist
 * @param share the part of each list to skip at first, from 0 to 1
 * @returns undefined if the range is used up
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

/** After that, a directory service may have thousands in a row. */
const FEW_FOREIGN = 3;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Where pickUid() continues after a foreign UID: far from earlier attempts. */
export function shareAfterForeign(pool: KeptLeases): number {
  const count = countForeign(pool);
  return count < FEW_FOREIGN ? 0 : (count * GOLDEN) % 1;
}

export const isLeasable = ({ first, last }: UidRange, uid: number): boolean =>
  uid >= first && uid <= last && uid !== GHOST_UID && isGuestUid(uid);

export function takeUid(pool: LeasePool, uid: number): LeasePool {
  return { ...pool, unused: without(pool.unused, uid), rested: without(pool.rested, uid) };
}

function without(uids: readonly number[], uid: number): readonly number[] {
  const at = uids.indexOf(uid);
  return at < 0 ? uids : [...uids.slice(0, at), ...uids.slice(at + 1)];
}

/** Gives a UID back. It is leased again after all others. */
export function restUid(pool: LeasePool, uid: number): LeasePool {
  return { ...pool, rested: [...takeUid(pool, uid).rested, uid] };
}

export function quarantineUid(pool: LeasePool, uid: number, why: Quarantine): LeasePool {
  return { ...takeUid(pool, uid), quarantined: new Map(pool.quarantined).set(uid, why) };
}

/** Ends a quarantine. The UID is leased again after all others. */
export function releaseUid(pool: LeasePool, uid: number): LeasePool {
  const quarantined = new Map(pool.quarantined);
  quarantined.delete(uid);
  return restUid({ ...pool, quarantined }, uid);
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const SUFFIX_LENGTH = 4;
const SUFFIXES = ALPHABET.length ** SUFFIX_LENGTH;

/** Returns the home of a leased account. The host has no such directory. */
export const leasedHome = (user: string): string => `/home/${user}`;

/** Returns what desktops and greeters show: "Guest k3f9" for guest-k3f9. */
export const leasedRealName = (ghostName: string, user: string): string =>
  `${ghostName} ${user.slice(user.lastIndexOf("-") + 1)}`;

/**
 * Makes a name that no session has, such as guest-k3f9.
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
