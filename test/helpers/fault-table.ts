// The fault table, made from the policy: each effect of a login, as often as the login runs it, and its faults. A new
// effect of a login is included automatically. This file knows nothing of machines.
import type { Effect, EffectKind } from "../../src/policy/effects.ts";
import { rowOf } from "../../src/policy/effects.ts";
import type { What } from "../../src/policy/events.ts";
import { quarantineUid } from "../../src/policy/lease.ts";
import type { State } from "../../src/policy/state.ts";
import { after, foundBy, kinds, leasedOpen, leasedOpened, only, opened, READY, recordFound } from "./play.ts";
import { allocateRequest, GUEST, LEASED, openRequest } from "./samples.ts";
import type { Release } from "./root.ts";
import { INSTANT_PARTS, ROUND, walk } from "./walk.ts";

/**
 * The covered ways: logins of both kinds of sessions, open sessions taken up by the next guestd, and a quarantined UID.
 */
export const WAYS = ["leased", "shared", "leased, taken up", "shared, taken up", "quarantined"] as const;
export type Way = (typeof WAYS)[number];

/**
 * The faults of an effect: it fails before or after its work is done; guestd is killed before or after it; it does
 * nothing and never ends.
 */
const FAULTS = ["before", "after", "kill before", "kill after", "hang"] as const;
type Fault = (typeof FAULTS)[number];

/** The errors of failing effects. guestd treats all alike, so they take turns. */
export const ERRNOS = ["ENOSPC", "ENOMEM", "EPERM", "EBUSY", "EIO", "ETIMEDOUT"] as const;

/** One case: which fault hits which effect. */
export interface Row {
  readonly way: Way;
  readonly kind: EffectKind;
  /** It hits the n-th effect of this kind, from 1. */
  readonly nth: number;
  readonly fault: Fault;
  readonly errno: (typeof ERRNOS)[number];
  /** The effect belongs to the session's end. */
  readonly isOfEnd: boolean;
}

/** Effects outside these ways, and the tests for each. */
export const ELSEWHERE: Partial<Record<EffectKind, string>> = {
  // It answers a call. If the answer is lost, pam_guest itself refuses the login.
  refuse: "test/pam/outage.test.ts",
  // Only at a display manager.
  "list-account": "test/unit/policy/opening.test.ts",
  "write-switch": "test/machine/switch.test.ts",
  "offer-ghost": "test/unit/system/greeters.test.ts",
  "walk-paths": "test/unit/policy/walking.test.ts",
  "quarantine-uid": "test/unit/policy/walking.test.ts",
};

const ID = only(opened()).id;
const LEADER = only(opened()).leader.pid;
/** Where logind puts the leader of a session. */
const LOGIN_SCOPE = { path: `/user.slice/user-${GUEST.uid}.slice/session-1.scope`, inode: "4712" };
const LOGOUT = [
  { kind: "close-hinted", id: ID, leaderPid: LEADER, running: [] },
  { kind: "leader-exited", id: ID },
] as const satisfies readonly What[];

const QUARANTINED: State = {
  ...READY,
  pool: quarantineUid(READY.pool, LEASED.uid, { reason: "files: /tmp/x", user: LEASED.user, session: ID }),
};

interface Story {
  readonly from: State;
  readonly events: readonly What[];
  readonly end?: readonly What[];
}

/** What happens on each way. */
const STORIES: Readonly<Record<Way, Story>> = {
  leased: {
    from: READY,
    events: [allocateRequest(), leasedOpen(), { kind: "join-requested", id: "s8", call: 3, uid: LEASED.uid }],
    end: LOGOUT,
  },
  shared: {
    from: READY,
    events: [
      // Every login asks whether it needs a password.
      allocateRequest({ id: "s0", user: GUEST.user }),
      openRequest(),
      { kind: "cgroup-found", id: ID, cgroup: LOGIN_SCOPE },
    ],
    end: LOGOUT,
  },
  "leased, taken up": { from: READY, events: [recordFound(only(leasedOpened()))] },
  "shared, taken up": { from: READY, events: [recordFound(only(opened()))] },
  quarantined: { from: QUARANTINED, events: [{ kind: "tick" }] },
};

interface WayEffects {
  readonly start: readonly Effect[];
  readonly end: readonly Effect[];
}

/** The effects of a way, in order: until its session is open, and those of the session's end. */
function effectsOf(way: Way): WayEffects {
  const { from, events, end = [] } = STORIES[way];
  const started = playAll(from, events);
  return { start: started.did, end: playAll(started.state, end).did };
}

/** The kinds of those that the journal reports when they are done. */
export function toldOf(way: Way): { readonly start: readonly EffectKind[]; readonly end: readonly EffectKind[] } {
  const { start, end } = effectsOf(way);
  const isTold = (effect: Effect) => rowOf(effect.kind).done(effect, foundBy(effect)) !== undefined;
  return { start: kinds(start.filter(isTold)), end: kinds(end.filter(isTold)) };
}

function playAll(from: State, events: readonly What[]): { readonly state: State; readonly did: readonly Effect[] } {
  return events.reduce<{ state: State; did: readonly Effect[] }>(
    ({ state, did }, event) => {
      const played = after(state, event);
      return { state: played.state, did: [...did, ...played.did] };
    },
    { state: from, did: [] },
  );
}

// An answered call cannot fail afterwards.
const isPossible = (kind: EffectKind, fault: Fault) => kind !== "answer" || fault !== "after";

function occurrencesOf(way: Way) {
  const { start, end } = effectsOf(way);
  const all = kinds([...start, ...end]);
  return all.map((kind, index) => ({
    way,
    kind,
    nth: all.slice(0, index + 1).filter((other) => other === kind).length,
    isOfEnd: index >= start.length,
  }));
}

/** All cases. */
export const TABLE: readonly Row[] = WAYS.flatMap(occurrencesOf).flatMap((occurrence, index) =>
  FAULTS.filter((fault) => isPossible(occurrence.kind, fault)).map((fault, column) => ({
    ...occurrence,
    fault,
    errno: ERRNOS[(index + column) % ERRNOS.length] ?? "EIO",
  })),
);

/** The cases of a run. The result of an error depends only on the policy: the older release runs only kills. */
export function rowsFor(release: Release, seed = ROUND): readonly Row[] {
  const isWhole = release === "trixie" || seed === null;
  return walk(isWhole ? TABLE : TABLE.filter(({ fault }) => fault.startsWith("kill")), INSTANT_PARTS, seed);
}

/** The name of a case, and its line for the faulty guestd (faulty-guestd.ts). */
export function describeRow({ kind, nth, fault, errno }: Row): string {
  switch (fault) {
    case "before":
    case "after":
      return `${fault} ${nth} ${kind} ${errno}`;
    case "kill before":
      return `before ${nth} ${kind} kill`;
    case "kill after":
      return `after ${nth} ${kind} kill`;
    case "hang":
      return `before ${nth} ${kind} hang`;
    default:
      return fault satisfies never;
  }
}
