// What an administrator should know, though it is no error. Pure.
import type { Config } from "../config/schema.ts";
import { listFull } from "./admission.ts";
import { countForeign, type KeptLeases } from "./lease.ts";
import type { State } from "./state.ts";
import type { SwapFacts } from "./swap.ts";
import { findSwapFault } from "./swap.ts";
import { findMapFault } from "./uid-map.ts";
import { countOf } from "./words.ts";

/** Returns what was found, and what to do. */
export function listWarnings(
  config: Config,
  { uidMap, sessions, pool }: Pick<State, "uidMap" | "sessions" | "pool">,
  swap: SwapFacts,
): string[] {
  const { LeaseRange, MaxSessionsPerUser } = config.Guests;
  const full = listFull(config, [...sessions.values()]).map(
    ({ user }) =>
      `${user} has as many sessions as MaxSessionsPerUser= allows (${MaxSessionsPerUser}); "guestctl list" shows them.`,
  );
  const faults = [
    findMapFault(LeaseRange, uidMap),
    findForeign(pool),
    findSwapFault(config.Limits.MemorySwapMax, swap),
  ];
  return [...faults, ...full].filter((sentence) => sentence !== undefined);
}

// Foreign UIDs delay logins. While a directory service is silent, its users seem not to exist.
function findForeign(pool: KeptLeases): string | undefined {
  const count = countForeign(pool);
  if (count === 0) return undefined;
  return `${countOf(count, "uid", "uids")} of LeaseRange= in [Guests] belong to users of this machine; "guestctl leases" shows them. Set it to uids that no user has, also in no directory.`;
}
