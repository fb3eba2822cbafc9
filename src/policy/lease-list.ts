// The UIDs of leased accounts for an administrator. Pure.
import type { Config } from "../config/schema.ts";
import type { Quarantine } from "./lease.ts";
import { listUids } from "./lease.ts";
import type { State } from "./state.ts";

/** One UID, or consecutive ones of the same state without details. */
export interface LeaseState {
  readonly uid: number;
  /** The last of them. */
  readonly last: number;
  /**
   * "quarantined": the last guest may have left something. "waiting": not every directory was searched. "foreign": a
   * user of the machine has it. "rested": given back. "unused": no session has had it.
   */
  readonly state: "leased" | "quarantined" | "waiting" | "foreign" | "rested" | "unused";
  /** The account that has it, or had it before the quarantine, or "". */
  readonly user: string;
  /** Id of the session that has it, or "". */
  readonly session: string;
  /** Why it is quarantined, waiting or foreign, or "". */
  readonly reason: string;
}

/** Returns the UIDs of the range, and leased or quarantined ones outside it, in order. */
export function listLeases(state: State): LeaseState[] {
  const detailed = listDetailed(state);
  const rested = new Set(state.pool.rested);
  const uids = new Set([...(state.config === undefined ? [] : rangeOf(state.config)), ...detailed.keys()]);
  const rows: LeaseState[] = [];
  for (const uid of [...uids].sort((a, b) => a - b)) {
    const row = detailed.get(uid) ?? { ...NOTHING, uid, last: uid, state: rested.has(uid) ? "rested" : "unused" };
    const before = rows.at(-1);
    if (before !== undefined && follows(before, row)) rows[rows.length - 1] = { ...before, last: uid };
    else rows.push(row);
  }
  return rows;
}

const NOTHING = { user: "", session: "", reason: "" } as const;

const follows = (before: LeaseState, row: LeaseState): boolean =>
  before.state === row.state && (row.state === "rested" || row.state === "unused") && before.last + 1 === row.uid;

/** A session takes precedence over an earlier quarantine. */
function listDetailed({ sessions, pool }: State): ReadonlyMap<number, LeaseState> {
  const kept = [...pool.quarantined].map(([uid, quarantine]): [number, LeaseState] => {
    const { user, reason } = quarantine;
    return [uid, { ...NOTHING, uid, last: uid, state: stateOf(quarantine), user, reason }];
  });
  const leased = [...sessions.values()].flatMap(({ leased, id, account: { uid, user } }): [number, LeaseState][] =>
    leased ? [[uid, { ...NOTHING, uid, last: uid, state: "leased", user, session: id }]] : [],
  );
  return new Map([...kept, ...leased]);
}

const rangeOf = ({ Guests: { LeaseRange } }: Config): number[] => listUids(LeaseRange);

function stateOf({ foreign, waits }: Quarantine): LeaseState["state"] {
  if (foreign === true) return "foreign";
  return waits === true ? "waiting" : "quarantined";
}
