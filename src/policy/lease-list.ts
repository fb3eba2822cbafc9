// The range of uids for leased accounts as an administrator sees it. Pure.
import type { Config } from "../config/schema.ts";
import { isLeasable } from "./lease.ts";
import type { State } from "./state.ts";

/** One uid of the range. */
export interface LeaseState {
  readonly uid: number;
  /**
   * "leased": a session has it. "quarantined": something of its last guest may be left. "foreign": it belongs to a user
   * of the machine. "rested": it was given back. "unused": no session has had it.
   */
  readonly state: "leased" | "quarantined" | "foreign" | "rested" | "unused";
  /** The account that has it or, where it is quarantined, had it last; else "". */
  readonly user: string;
  /** Id of the session that has it; else "". */
  readonly session: string;
  /** Why it is quarantined or foreign; else "". */
  readonly reason: string;
}

/** Every uid of the range, and those outside it that are leased or quarantined, in order. */
export function listLeases({ config, sessions, pool }: State): LeaseState[] {
  const leased = new Map(
    [...sessions.values()].filter((session) => session.leased).map((session) => [session.account.uid, session]),
  );
  const uids = new Set([
    ...(config === undefined ? [] : rangeOf(config)),
    ...leased.keys(),
    ...pool.quarantined.keys(),
  ]);
  const rested = new Set(pool.rested);
  return [...uids]
    .sort((a, b) => a - b)
    .map((uid): LeaseState => {
      const session = leased.get(uid);
      const kept = pool.quarantined.get(uid);
      if (session !== undefined)
        return { uid, state: "leased", user: session.account.user, session: session.id, reason: "" };
      if (kept !== undefined)
        return {
          uid,
          state: kept.foreign === true ? "foreign" : "quarantined",
          user: kept.user,
          session: "",
          reason: kept.reason,
        };
      return { uid, state: rested.has(uid) ? "rested" : "unused", user: "", session: "", reason: "" };
    });
}

function rangeOf({ Guests: { LeaseRange } }: Config): number[] {
  const { first, last } = LeaseRange;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index).filter((uid) =>
    isLeasable(LeaseRange, uid),
  );
}
