// The UIDs of the machine's user namespace, and what to do without the range of leases. Pure. A container often has
// 65536.
import type { Config } from "../config/schema.ts";

type UidRange = Config["Guests"]["LeaseRange"];

/** Both ends are included. */
export type UidMap = readonly UidRange[];

/** The map of the initial user namespace. */
export const EVERY_UID: UidMap = [{ first: 0, last: 0xffff_fffe }];

export const isMapped = (uidMap: UidMap, uid: number): boolean =>
  uidMap.some(({ first, last }) => uid >= first && uid <= last);

/** The range of earlier versions. A container with 65536 UIDs has it. */
const LOW_RANGE: UidRange = { first: 60_600, last: 61_183 };

export function findMapFault(range: UidRange, uidMap: UidMap): string | undefined {
  const mapped = countMapped(range, uidMap);
  const all = range.last - range.first + 1;
  if (mapped === all) return undefined;
  const what =
    mapped === 0
      ? `None of the uids ${formatRange(range)} exists here, so the ghost is refused`
      : `Of the uids ${formatRange(range)} only ${mapped} exist here`;
  const these = uidMap.map(formatRange).join(" ") || "nothing";
  const low = countMapped(LOW_RANGE, uidMap) === LOW_RANGE.last - LOW_RANGE.first + 1;
  const such = low ? `, such as LeaseRange=${formatRange(LOW_RANGE)}` : "";
  return `${what}: /proc/self/uid_map of this container has ${these}. Set LeaseRange= in [Guests] to some of these${such}, or give the container more uids.`;
}

export function countMapped(range: UidRange, uidMap: UidMap): number {
  const overlaps = uidMap.map(({ first, last }) => Math.min(last, range.last) - Math.max(first, range.first) + 1);
  return overlaps.reduce((sum, overlap) => sum + Math.max(0, overlap), 0);
}

/** Writes a range as in the configuration. */
export const formatRange = ({ first, last }: UidRange): string => `${first}-${last}`;
