// What an administrator should know of this machine and its configuration, though it is no error. Pure.
import type { Config } from "../config/schema.ts";
import { listFull } from "./admission.ts";
import type { Session } from "./session.ts";
import type { UidMap } from "./uid-map.ts";
import { findMapFault } from "./uid-map.ts";

/** Sentences: what is so, and what to do about it. */
export function listWarnings(config: Config, uidMap: UidMap, sessions: readonly Session[]): string[] {
  const { LeaseRange, MaxSessionsPerUser } = config.Guests;
  const full = listFull(config, sessions).map(
    ({ user }) =>
      `${user} has as many sessions as MaxSessionsPerUser= allows (${MaxSessionsPerUser}); "guestctl list" shows them.`,
  );
  return [findMapFault(LeaseRange, uidMap), ...full].filter((sentence) => sentence !== undefined);
}
