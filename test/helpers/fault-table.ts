// The fault table, made from the policy: each run of each effect of a login, with its faults. New effects are included
// automatically. Knows nothing of machines.
import type { Effect, EffectKind } from "../../src/policy/effects.ts";
import { rowOf } from "../../src/policy/effects.ts";
import type { What } from "../../src/policy/events.ts";
import { quarantineUid } from "../../src/policy/lease.ts";
import type { State } from "../../src/policy/state.ts";
import { after, foundBy, kinds, leasedOpen, leasedOpened, only, opened, READY, recordFound } from "./play.ts";
import { allocateRequest, GUEST, LEASED, openRequest } from "./samples.ts";
import type { Release } from "./root.ts";
import { INSTANT_PARTS, ROUND, walk } from "./walk.ts";

export const WAYS = ["leased", "shared", "leased, taken up", "shared, taken up", "quarantined"] as const;
export type Way = (typeof WAYS)[number];

/** "before" and "after" are relative to the effect's work. A hanging effect never ends. */
const FAULTS = ["before", "after", "kill before", "kill after", "hang"] as const;
type Fault = (typeof FAULTS)[number];

/** guestd treats all errors alike, so effects take turns. */
export const ERRNOS = ["ENOSPC", "ENOMEM", "EPERM", "EBUSY", "EIO", "ETIMEDOUT"] as const;

export interface Row {
  readonly way: Way;
  readonly kind: EffectKind;
  /** Counts effects of this kind, from 1. */
  readonly nth: number;
  readonly fault: Fault;
  readonly errno: (typeof ERRNOS)[number];
  readonly isOfEnd: boolean;
}

/** Effects outside these ways, and their tests. */
export const ELSEWHERE: Partial<Record<EffectKind, string>> = {
  // If the answer is lost, pam_guest itself refuses the login.
  refuse: "test/pam/outage.test.ts",
  // Only for display managers.
  "list-account": "test/unit/policy/opening.test.ts",
  "write-switch": "test/machine/switch.test.ts",
  "offer-ghost": "test/unit/system/greeters.test.ts",
  "walk-paths": "test/unit/policy/walking.test.ts",
  "quarantine-uid": "test/unit/policy/walking.test.ts",
};

const ID = only(opened()).id;
const LEADER = only(opened()).leader.pid;
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

function effectsOf(way: Way): WayEffects {
  const { from, events, end = [] } = STORIES[way];
  const started = playAll(from, events);
  return { start: started.did, end: playAll(started.state, end).did };
}

/** Only effects that the journal reports. */
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

export const TABLE: readonly Row[] = WAYS.flatMap(occurrencesOf).flatMap((occurrence, index) =>
  FAULTS.filter((fault) => isPossible(occurrence.kind, fault)).map((fault, column) => ({
    ...occurrence,
    fault,
    errno: ERRNOS[(index + column) % ERRNOS.length] ?? "EIO",
  })),
);

/** Results of errors depend only on the policy, so the older release runs only kills. */
export function rowsFor(release: Release, seed = ROUND): readonly Row[] {
  const isWhole = release === "trixie" || seed === null;
  return walk(isWhole ? TABLE : TABLE.filter(({ fault }) => fault.startsWith("kill")), INSTANT_PARTS, seed);
}

/** The case's name, and its line for faulty-guestd.ts. */
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
