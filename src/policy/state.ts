// What the daemon knows. Pure.
import type { Config } from "../config/schema.ts";
import type { Effect } from "./effects.ts";
import type { LeasePool } from "./lease.ts";
import { EMPTY_POOL } from "./lease.ts";
import type { Notice } from "./notice.ts";
import { NO_NOTICE } from "./notice.ts";
import type { Offer } from "./offer.ts";
import type { Retry } from "./retry.ts";
import type { Session } from "./session.ts";
import type { LoginSwitch } from "./switch.ts";
import { NEVER_ENABLED } from "./switch.ts";
import type { UidMap } from "./uid-map.ts";
import { EVERY_UID } from "./uid-map.ts";
import type { Walk } from "./walk.ts";
import { NO_WALK } from "./walk.ts";

export interface State {
  /** Undefined until loaded, and while it has errors. */
  readonly config: Config | undefined;
  readonly notice: Notice;
  /** Off until known. */
  readonly loginSwitch: LoginSwitch;
  /** What greeters were last told; undefined before that. */
  readonly offer: Offer | undefined;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly pool: LeasePool;
  readonly uidMap: UidMap;
  /** When to check quarantined UIDs again. */
  readonly retries: ReadonlyMap<number, Retry>;
  /** For UIDs that wait. */
  readonly walk: Walk;
}

export interface Next {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const INITIAL_STATE: State = {
  config: undefined,
  notice: NO_NOTICE,
  loginSwitch: NEVER_ENABLED,
  offer: undefined,
  sessions: new Map(),
  pool: EMPTY_POOL,
  uidMap: EVERY_UID,
  retries: new Map(),
  walk: NO_WALK,
};

export const stay = (state: State, ...effects: Effect[]): Next => ({ state, effects });

export function put(state: State, session: Session, ...effects: Effect[]): Next {
  return { state: { ...state, sessions: new Map(state.sessions).set(session.id, session) }, effects };
}

/** Does nothing if there is no such session. */
export function withSession(state: State, id: string, then: (session: Session) => Next): Next {
  const session = state.sessions.get(id);
  return session === undefined ? stay(state) : then(session);
}

export function chain(first: Next, ...changes: readonly ((state: State) => Next)[]): Next {
  return changes.reduce<Next>(({ state, effects }, change) => {
    const next = change(state);
    return { state: next.state, effects: [...effects, ...next.effects] };
  }, first);
}
