// The uids that are kept back because something of their last guest may be left: looked at again, more and more rarely,
// until nothing is; or released by an administrator.
import type { Effect, Event } from "./events.ts";
import { releaseUid } from "./lease.ts";
import type { SweepKind } from "./receipt.ts";
import { ACCOUNT_KINDS, listLeft, SHARED_KINDS } from "./receipt.ts";
import { begin, postpone } from "./retry.ts";
import type { Retry } from "./retry.ts";
import type { Next, State } from "./state.ts";
import { stay } from "./state.ts";

type Failed = Event & { kind: "effect-failed" };

/** What must have been looked at before a uid is handed out again. */
const KINDS: readonly SweepKind[] = [...SHARED_KINDS, ...ACCOUNT_KINDS];

/**
 * Time has passed: what is left of some may be gone by now. Where nobody can tell what the last guest was called, it is
 * for an administrator to look: much goes by the name.
 */
export function retrySweeps(state: State, uptime: number): Next {
  const inUse = new Set([...state.sessions.values()].map(({ account }) => account.uid));
  const due = [...state.pool.quarantined].filter(
    ([uid, { foreign, user }]) =>
      foreign !== true && user !== "" && !inUse.has(uid) && (state.retries.get(uid)?.due ?? 0) <= uptime,
  );
  const retries = new Map(state.retries);
  for (const [uid] of due) retries.set(uid, begin(retries.get(uid)));
  return stay(
    { ...state, retries },
    ...due.map(([uid, { user, session = "" }]): Effect => ({
      kind: "sweep-lease",
      subject: subjectOf(uid, user),
      session,
    })),
  );
}

/** What is left of one was looked at: when that is nothing, it is handed out again. */
export function judgeSweep(state: State, event: Event & { kind: "effect-done" | "effect-failed" }): Next {
  const { uid, user } = event.effect.subject;
  const isClean =
    event.kind === "effect-done" && listLeft({ swept: [], left: [], ...event.outcome.found }, KINDS).length === 0;
  // An administrator has released it meanwhile.
  if (!state.pool.quarantined.has(uid)) return stay(state);
  if (isClean) return stay(state, { kind: "settle-lease", subject: subjectOf(uid, user), call: undefined });
  return stay(lookLater(state, uid, event.uptime));
}

/** An administrator's ReleaseLease: he answers for it that nothing is left. */
export function release(state: State, { uid, call }: Event & { kind: "release-requested" }): Next {
  const kept = state.pool.quarantined.get(uid);
  if (kept !== undefined)
    return stay(hold(state, uid), { kind: "settle-lease", subject: subjectOf(uid, kept.user), call });
  const reason = `The uid ${uid} is not kept back; "guestctl leases" shows those that are.`;
  return stay(state, { kind: "refuse", subject: subjectOf(uid, ""), call, code: "NoSuchLease", reason });
}

/** It is on disk that a uid may be handed out again. */
export function settle(state: State, { subject, call }: Effect & { kind: "settle-lease" }): Next {
  const retries = new Map(state.retries);
  retries.delete(subject.uid);
  const settled = { ...state, pool: releaseUid(state.pool, subject.uid), retries };
  return stay(
    settled,
    ...(call === undefined ? [] : [{ kind: "answer", subject, call, answer: { kind: "released" } } as const]),
  );
}

/** It could not be written down: the uid stays where it is. */
export function failSettling(
  state: State,
  { subject, call }: Effect & { kind: "settle-lease" },
  { reason, uptime }: Failed,
): Next {
  const refusal = call === undefined ? [] : [{ kind: "refuse", subject, call, code: "Failed", reason } as const];
  return stay(lookLater(state, subject.uid, uptime), ...refusal);
}

// Nobody looks at a uid that is about to be handed out: what runs as it then would be killed.
const hold = (state: State, uid: number): State => setRetry(state, uid, begin(state.retries.get(uid)));

const lookLater = (state: State, uid: number, uptime: number): State =>
  setRetry(state, uid, postpone(state.retries.get(uid), uptime));

const setRetry = (state: State, uid: number, retry: Retry): State => ({
  ...state,
  retries: new Map(state.retries).set(uid, retry),
});

// No session's: but what is done about one uid is done in order.
const subjectOf = (uid: number, user: string) => ({ id: `uid-${uid}`, user, uid, leader: 0, service: "" });
