// What an administrator should know of this machine and its configuration, though it is no error. Pure.
import type { Config } from "../config/schema.ts";
import type { UidMap } from "./uid-map.ts";
import { findMapFault } from "./uid-map.ts";

/** Sentences: what is so, and what to do about it. */
export function listWarnings({ Guests }: Config, uidMap: UidMap): string[] {
  return [findMapFault(Guests.LeaseRange, uidMap)].filter((sentence) => sentence !== undefined);
}
