// The UIDs in quarantine, of whose last guest something may be left: looked at again, more and more rarely, until nothing
// is; or released by an administrator.
import type { Effect, EffectOf } from "./effects.ts";
import type { Ended, EventOf } from "./events.ts";
import { isDone } from "./events.ts";
import { releaseUid } from "./lease.ts";
import type { Moment } from "./moment.ts";
import type { SweepKind } from "./receipt.ts";
import { ACCOUNT_KINDS, listLeft, SHARED_KINDS } from "./receipt.ts";
import type { Retry } from "./retry.ts";
import { begin, postpone } from "./retry.ts";
import type { Next, State } from "./state.ts";
import { stay } from "./state.ts";
import type { UidSubject } from "./subject.ts";

/** What must have been looked at before a UID is leased again. */
const KINDS: readonly SweepKind[] = [...SHARED_KINDS, ...ACCOUNT_KINDS];

const subjectOf = (uid: number, user: string): UidSubject => ({ of: "uid", uid, user });

/**
 * Time has passed: what is left of some may be gone by now. Where the name of the last guest is not known, it is for an
 * administrator to look: much goes by the name.
 */
export function retrySweeps(state: State, { uptime }: Moment): Next {
  const inUse = new Set([...state.sessions.values()].map(({ account }) => account.uid));
  const due = [...state.pool.quarantined].filter(
    ([uid, { foreign, user }]) =>
      foreign !== true && user !== "" && !inUse.has(uid) && (state.retries.get(uid)?.due ?? 0) <= uptime,
  );
  const retries = new Map(state.retries);
  for (const [uid] of due) retries.set(uid, begin(retries.get(uid)));
  const sweeps = due.map(([uid, { user, session = "" }]): Effect => ({
    kind: "sweep-uid",
    subject: subjectOf(uid, user),
    session,
  }));
  return stay({ ...state, retries }, ...sweeps);
}

/** What is left of one was looked at: when that is nothing, it is released. */
export function judgeSweep(state: State, { subject: { uid, user } }: EffectOf<"sweep-uid">, event: Ended): Next {
  // An administrator has released it meanwhile.
  if (!state.pool.quarantined.has(uid)) return stay(state);
  const isClean = isDone(event, "sweep-uid") && listLeft({ swept: event.found.swept, left: [] }, KINDS).length === 0;
  if (isClean) return stay(state, { kind: "release-uid", subject: subjectOf(uid, user), call: undefined });
  return stay(lookLater(state, uid, event.uptime));
}

/** An administrator's ReleaseLease: they vouch that nothing is left. */
export function release(state: State, { uid, call }: EventOf<"release-requested">): Next {
  const quarantine = state.pool.quarantined.get(uid);
  if (quarantine !== undefined)
    return stay(hold(state, uid), { kind: "release-uid", subject: subjectOf(uid, quarantine.user), call });
  const reason = `The uid ${uid} is not quarantined; "guestctl leases" shows those that are.`;
  return stay(state, { kind: "refuse", subject: subjectOf(uid, ""), call, code: "NoSuchLease", reason });
}

/** It is on disk that a UID may be leased again; or that could not be written, and it stays in quarantine. */
export function applyRelease(state: State, { subject, call }: EffectOf<"release-uid">, event: Ended): Next {
  if (event.kind === "effect-failed") {
    const { reason, uptime } = event;
    const refusal = call === undefined ? [] : [{ kind: "refuse", subject, call, code: "Failed", reason } as const];
    return stay(lookLater(state, subject.uid, uptime), ...refusal);
  }
  const retries = new Map(state.retries);
  retries.delete(subject.uid);
  const released = { ...state, pool: releaseUid(state.pool, subject.uid), retries };
  const answers = call === undefined ? [] : [{ kind: "answer", subject, call, answer: { kind: "released" } } as const];
  return stay(released, ...answers);
}

// A UID that is about to be released is not looked at: what runs as it then would be killed.
const hold = (state: State, uid: number): State => setRetry(state, uid, begin(state.retries.get(uid)));

const lookLater = (state: State, uid: number, uptime: number): State =>
  setRetry(state, uid, postpone(state.retries.get(uid), uptime));

const setRetry = (state: State, uid: number, retry: Retry): State => ({
  ...state,
  retries: new Map(state.retries).set(uid, retry),
});
