// Plays the daemon for the policy: runs a decision's effects to the end. All succeed except those named.
import type { Effect, EffectKind, EffectOf, FoundOf } from "../../src/policy/effects.ts";
import type { What } from "../../src/policy/events.ts";
import type { KeptLeases } from "../../src/policy/lease.ts";
import type { Moment } from "../../src/policy/moment.ts";
import { makeNotice } from "../../src/policy/notice.ts";
import type { Swept, SweepKind } from "../../src/policy/receipt.ts";
import { ACCOUNT_KINDS, SHARED_KINDS } from "../../src/policy/receipt.ts";
import type { Admitting, Allocating, Ending, SavedSession, Session } from "../../src/policy/session.ts";
import { savedEnding, savedOf } from "../../src/policy/session.ts";
import type { Next, State } from "../../src/policy/state.ts";
import { INITIAL_STATE } from "../../src/policy/state.ts";
import type { SessionSubject } from "../../src/policy/subject.ts";
import { keyOf } from "../../src/policy/subject.ts";
import { transition } from "../../src/policy/transition.ts";
import { allocateRequest, CGROUP, configOf, ISOLATION, LEASED, ON, openRequest, SLICE, VIEW } from "./samples.ts";

export const READY: State = configure({ ...INITIAL_STATE, loginSwitch: ON });

export function configure(state: State, ...lines: readonly string[]): State {
  const config = configOf(...lines);
  return transition(state, {
    kind: "config-loaded",
    config,
    notice: makeNotice(config, "", undefined),
    now: 0,
    uptime: 0,
  }).state;
}

export function withKept(
  state: State,
  rested: readonly number[],
  quarantined: KeptLeases["quarantined"] = new Map(),
): State {
  return transition(state, {
    kind: "leases-found",
    kept: { rested, quarantined },
    uidMap: state.uidMap,
    now: 0,
    uptime: 0,
  }).state;
}

/** After the requests of samples.ts. */
export const LATER = { now: 2_000, uptime: 5_007_000 } as const;

/** The time is its own, or else LATER. */
export type Happening = What & Partial<Moment>;

export const happen = (state: State, what: Happening): Next => transition(state, { ...LATER, ...what });

export const clean = (...kinds: readonly SweepKind[]): Swept[] =>
  kinds.map((kind) => ({ kind, found: 0, removed: 0, left: [] }));

/** Absent kinds have none. */
const FOUND: { readonly [K in EffectKind]?: (effect: EffectOf<K>) => FoundOf<K> } = {
  "watch-leader": () => ({ startTime: 42 }),
  "take-up-session": ({ view }) => ({ view, isLeaderThere: true }),
  "enclose-leader": ({ leased }) =>
    leased ? { cgroups: [{ ...CGROUP, path: `${SLICE.path}/guest-s1.scope` }, SLICE] } : { cgroups: [CGROUP] },
  "publish-account": () => ({ taken: undefined, homeExists: false }),
  "permit-unlock": () => ({ made: true }),
  "list-account": () => ({ told: true }),
  // AccountsService does not run on most test machines.
  "unlist-account": () => ({ told: false }),
  "offer-ghost": () => ({ changed: true }),
  "check-rules": () => ({ warnings: [] }),
  "count-processes": () => ({ running: [501, 502] }),
  "build-view": ({ isolated }) => ({ view: isolated ? { ...VIEW, isolation: ISOLATION } : VIEW, dropped: [] }),
  "kill-processes": () => ({
    processesKilled: 3,
    swept: [{ kind: "processes", found: 3, removed: 3, left: [] }],
  }),
  "terminate-user": () => ({ swept: [] }),
  "drop-view": () => ({ tmpfsBytes: 4096, swept: clean("mounts", "open-files") }),
  "sweep-account": () => ({ swept: clean(...ACCOUNT_KINDS) }),
  "announce-closed": () => ({ wasAnnounced: false }),
  "walk-paths": () => ({ done: true, names: 0, owners: [], unread: [] }),
  "sweep-uid": () => ({ swept: clean(...SHARED_KINDS, ...ACCOUNT_KINDS) }),
};

export const foundBy = <K extends EffectKind>(effect: EffectOf<K>): FoundOf<K> => FOUND[effect.kind]?.(effect);

export const done = (effect: Effect, found: unknown = foundBy(effect)): What =>
  ({ kind: "effect-done", effect, found }) as What;
export const failed = (effect: Effect, reason = "boom"): What =>
  ({ kind: "effect-failed", effect, code: "Failed", reason }) as What;

export interface Played {
  readonly state: State;
  readonly did: readonly Effect[];
  /** From `until` on. */
  readonly stopped: readonly Effect[];
}

export interface Plan {
  readonly failing?: readonly EffectKind[];
  /** Stops before the first of these. */
  readonly until?: EffectKind;
  /** Replaces the ordinary result. */
  readonly found?: (effect: Effect) => object | undefined;
}

/** Includes effects that follow. */
export function play(from: Next, { failing = [], until, found }: Plan = {}): Played {
  let { state } = from;
  const did: Effect[] = [];
  const queue = [...from.effects];
  for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
    if (effect.kind === until) return { state, did, stopped: [effect, ...queue] };
    did.push(effect);
    const next = happen(state, failing.includes(effect.kind) ? failed(effect) : done(effect, found?.(effect)));
    state = next.state;
    queue.push(...next.effects);
  }
  return { state, did, stopped: [] };
}

/** Includes everything that follows. */
export const after = (state: State, event: Happening, plan?: Plan): Played => play(happen(state, event), plan);

/** Continues a stopped play() after another event. */
export function interrupt({ state, stopped }: Played, event: Happening, plan?: Plan): Played {
  const next = happen(state, event);
  return play({ state: next.state, effects: [...stopped, ...next.effects] }, plan);
}

export function recordOf(session: Session): SavedSession {
  if (session.phase === "ending") return savedEnding(session);
  if (session.phase === "open") return savedOf(session);
  // Saved before it waited, or before it was open.
  const isOpening = session.phase === "opening" || session.view !== undefined;
  return savedOf(
    isOpening ? ({ ...session, phase: "opening" } as Admitting) : ({ ...session, phase: "allocating" } as Allocating),
  );
}

type RecordFound = Extract<What, { readonly kind: "record-found" }>;

/** At startup: saved by an earlier guestd. */
export const recordFound = (session: Session | SavedSession, change: Partial<RecordFound> = {}): RecordFound => ({
  kind: "record-found",
  saved: "hasRecord" in session ? recordOf(session) : session,
  cause: undefined,
  receipt: undefined,
  ...change,
});

/** An open session of a shared account. */
export const opened = (): State => after(READY, openRequest()).state;

/** A leased account, before its OpenSession call. */
export const allocated = (): State => after(READY, allocateRequest()).state;

/** The OpenSession call after allocated(). */
export const leasedOpen = (change: Parameters<typeof openRequest>[0] = {}) =>
  openRequest({ id: "s9", call: 2, account: LEASED, ...change });

/** An open session of a leased account. */
export const leasedOpened = (): State => after(allocated(), leasedOpen()).state;

export const kinds = (effects: readonly Effect[]): EffectKind[] => effects.map(({ kind }) => kind);

export const find = <K extends EffectKind>(effects: readonly Effect[], kind: K) =>
  effects.find((effect): effect is Effect & { kind: K } => effect.kind === kind);

export function only(state: State): Session {
  const [session] = state.sessions.values();
  if (session === undefined) throw new Error("there is no session");
  return session;
}

/** The first session, which is ending. */
export function onlyEnding(state: State): Ending {
  const session = only(state);
  if (session.phase !== "ending") throw new Error(`the session is ${session.phase}`);
  return session;
}

export function sessionSubject({ subject }: Effect): SessionSubject {
  if (subject.of !== "session") throw new Error(`an effect on ${keyOf(subject)}`);
  return subject;
}
