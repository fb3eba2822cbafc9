// Plays the daemon's part for the policy alone: does the effects of a decision, all well but those named, to their end.
import type { Effect, EffectKind, Event, Outcome, RecordFound } from "../../src/policy/events.ts";
import { step } from "../../src/policy/transition.ts";
import type { Session } from "../../src/policy/session.ts";
import type { Next, State } from "../../src/policy/state.ts";
import { INITIAL_STATE } from "../../src/policy/state.ts";
import type { Swept, SweepKind } from "../../src/policy/receipt.ts";
import { ACCOUNT_KINDS, SHARED_KINDS } from "../../src/policy/receipt.ts";
import { allocateRequest, CGROUP, configOf, ISOLATION, LEASED, ON, openRequest, SLICE, VIEW } from "./samples.ts";

export const READY: State = { ...INITIAL_STATE, config: configOf(), gate: ON };

/** A moment after that of the requests of samples.ts. */
export const LATER = { now: 2_000, uptime: 5_007_000 } as const;

/** Of each class nothing is left. */
export const clean = (...kinds: readonly SweepKind[]): Swept[] =>
  kinds.map((kind) => ({ kind, found: 0, removed: 0, left: [] }));

function outcomeOf(effect: Effect): Outcome {
  switch (effect.kind) {
    case "watch-leader":
      return { startTime: 42, ...(effect.view === undefined ? {} : { view: effect.view }) };
    case "enclose-leader":
      return { cgroups: effect.leased ? [{ ...CGROUP, path: `${SLICE.path}/guest-s1.scope` }, SLICE] : [CGROUP] };
    case "build-view":
      return { view: effect.isolated ? { ...VIEW, isolation: ISOLATION } : VIEW };
    case "kill-processes":
      return { found: { processesKilled: 3, swept: [{ kind: "processes", found: 3, removed: 3, left: [] }] } };
    case "drop-view":
      return { found: { tmpfsBytes: 4096, swept: clean("mounts", "open-files") } };
    case "sweep-account":
      return { found: { swept: clean(...ACCOUNT_KINDS) } };
    case "sweep-lease":
      return { found: { processesKilled: 0, swept: clean(...SHARED_KINDS, ...ACCOUNT_KINDS) } };
    default:
      return {};
  }
}

export const done = (effect: Effect, outcome = outcomeOf(effect)): Event => ({
  kind: "effect-done",
  effect,
  outcome,
  ...LATER,
});
export const failed = (effect: Effect, reason = "boom"): Event => ({
  kind: "effect-failed",
  effect,
  code: "Failed",
  reason,
  ...LATER,
});

export interface Played {
  readonly state: State;
  readonly did: readonly Effect[];
  /** What was still to be done, from `until` on. */
  readonly stopped: readonly Effect[];
}

export interface Plan {
  /** Effects that fail. */
  readonly failing?: readonly EffectKind[];
  /** Stops before the first of these. */
  readonly until?: EffectKind;
  /** Another outcome than that of every day. */
  readonly outcome?: (effect: Effect) => Outcome | undefined;
}

/** Does effects, and what follows from them. */
export function play(from: Next, { failing = [], until, outcome }: Plan = {}): Played {
  let { state } = from;
  const did: Effect[] = [];
  const queue = [...from.effects];
  for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
    if (effect.kind === until) return { state, did, stopped: [effect, ...queue] };
    did.push(effect);
    const next = step(state, failing.includes(effect.kind) ? failed(effect) : done(effect, outcome?.(effect)));
    state = next.state;
    queue.push(...next.effects);
  }
  return { state, did, stopped: [] };
}

/** After an event, and all that follows from it. */
export const after = (state: State, event: Event, plan?: Plan): Played => play(step(state, event), plan);

/** Goes on where play() has stopped, after an event that came in meanwhile. */
export function interrupt({ state, stopped }: Played, event: Event, plan?: Plan): Played {
  const next = step(state, event);
  return play({ state: next.state, effects: [...stopped, ...next.effects] }, plan);
}

/** At the start: a session that an earlier guestd wrote down. */
export const recordFound = (session: Session, change: Partial<RecordFound> = {}): RecordFound => ({
  kind: "record-found",
  session,
  ...LATER,
  ...change,
});

/** A shared account's session that is open. */
export const opened = (): State => after(READY, openRequest()).state;

/** A leased account whose login goes on. */
export const allocated = (): State => after(READY, allocateRequest()).state;

/** The OpenSession call that belongs to it. */
export const leasedOpen = (change: Parameters<typeof openRequest>[0] = {}) =>
  openRequest({ id: "s9", call: 2, account: LEASED, ...change });

/** A leased account's session that is open. */
export const leasedOpened = (): State => after(allocated(), leasedOpen()).state;

export const kinds = (effects: readonly Effect[]): EffectKind[] => effects.map(({ kind }) => kind);

export const find = <K extends EffectKind>(effects: readonly Effect[], kind: K) =>
  effects.find((effect): effect is Effect & { kind: K } => effect.kind === kind);

/** The first session that there is. */
export function only(state: State): Session {
  const [session] = state.sessions.values();
  if (session === undefined) throw new Error("there is no session");
  return session;
}
