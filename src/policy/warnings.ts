// What an administrator should know of this machine and its configuration, though it is no error. Pure.
import type { Config } from "../config/schema.ts";
import { listFull } from "./admission.ts";
import type { Session } from "./session.ts";
import type { SwapFacts } from "./swap.ts";
import { findSwapFault } from "./swap.ts";
import type { UidMap } from "./uid-map.ts";
import { findMapFault } from "./uid-map.ts";

/** Sentences: what is so, and what to do about it. */
export function listWarnings(config: Config, uidMap: UidMap, sessions: readonly Session[], swap: SwapFacts): string[] {
  const { LeaseRange, MaxSessionsPerUser } = config.Guests;
  const full = listFull(config, sessions).map(
    ({ user }) =>
      `${user} has as many sessions as MaxSessionsPerUser= allows (${MaxSessionsPerUser}); "guestctl list" shows them.`,
  );
  const faults = [findMapFault(LeaseRange, uidMap), findSwapFault(config.Limits.MemorySwapMax, swap)];
  return [...faults, ...full].filter((sentence) => sentence !== undefined);
}
