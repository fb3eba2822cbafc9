// UIDs in quarantine are checked one at a time, less and less often. They are released when nothing is left or by an
// administrator, or wait for the walk (walking.ts).
import type { EffectOf } from "./effects.ts";
import type { Ended, EventOf } from "./events.ts";
import { isDone } from "./events.ts";
import type { Quarantine } from "./lease.ts";
import { quarantineUid, releaseUid } from "./lease.ts";
import type { Moment } from "./moment.ts";
import type { SweepKind } from "./receipt.ts";
import { ACCOUNT_KINDS, describeUnseen, listLeft, listUnseen, SHARED_KINDS } from "./receipt.ts";
import type { Retry } from "./retry.ts";
import { begin, postpone } from "./retry.ts";
import type { Next, State } from "./state.ts";
import { stay } from "./state.ts";
import type { UidSubject } from "./subject.ts";

/** What must have been checked before a UID is leased again. */
const KINDS: readonly SweepKind[] = [...SHARED_KINDS, ...ACCOUNT_KINDS];

const subjectOf = (uid: number, user: string): UidSubject => ({ of: "uid", uid, user });

/**
 * Checks one UID, on a tick. Much is found by the guest's name: without it, only an administrator can check. A check
 * takes guestd's time, so logins come first.
 */
export function retrySweeps(state: State, { uptime }: Moment): Next {
  if (isLoginUnderWay(state) || [...state.retries.values()].some(({ due }) => due === Infinity)) return stay(state);
  const [first] = listDue(state, uptime);
  if (first === undefined) return stay(state);
  const [uid, { user, session = "" }] = first;
  return stay(hold(state, uid), { kind: "sweep-uid", subject: subjectOf(uid, user), session });
}

const isLoginUnderWay = ({ sessions }: State): boolean =>
  [...sessions.values()].some(({ phase }) => phase === "allocating" || phase === "opening" || phase === "recovering");

/** Returns due UIDs, the longest waiting first. */
function listDue({ pool, retries, sessions }: State, uptime: number): [number, Quarantine][] {
  const inUse = new Set([...sessions.values()].map(({ account }) => account.uid));
  const dueOf = (uid: number) => retries.get(uid)?.due ?? 0;
  return [...pool.quarantined]
    .filter(
      ([uid, { foreign, waits, user }]) =>
        foreign !== true && waits !== true && user !== "" && !inUse.has(uid) && dueOf(uid) <= uptime,
    )
    .sort(([one], [other]) => dueOf(one) - dueOf(other));
}

/** Handles a check. If nothing is left, the UID is released or waits for the walk. */
export function judgeSweep(state: State, { subject }: EffectOf<"sweep-uid">, event: Ended): Next {
  const { uid } = subject;
  const quarantine = state.pool.quarantined.get(uid);
  // An administrator has released it.
  if (quarantine === undefined) return stay(state);
  const found = isDone(event, "sweep-uid") ? event.found : undefined;
  if (found?.owner !== undefined) return stay(leave(state, uid, quarantine, found.owner));
  if (found === undefined || listLeft({ swept: found.swept, left: [] }, KINDS).length > 0)
    return stay(lookLater(state, uid, event.uptime));
  const unseen = listUnseen(found);
  if (unseen.length > 0)
    return wait(lookLater(state, uid, event.uptime), subject, { ...quarantine, reason: describeUnseen(unseen) });
  const clears = clearanceOf(quarantine, event);
  return stay(state, { kind: "release-uid", subject, call: undefined, clears });
}

// On disk it stays quarantined. The next guestd continues if that user is gone.
function leave(state: State, uid: number, quarantine: Quarantine, owner: string): State {
  const retries = new Map(state.retries);
  retries.delete(uid);
  const foreign = { ...quarantine, reason: `it belongs to ${owner}`, foreign: true };
  return { ...state, pool: quarantineUid(state.pool, uid, foreign), retries };
}

function wait(state: State, subject: UidSubject, why: Quarantine): Next {
  const quarantine = { ...why, waits: true };
  const pool = quarantineUid(state.pool, subject.uid, quarantine);
  return stay({ ...state, pool }, { kind: "quarantine-uid", subject, quarantine, found: undefined });
}

/** Returns the receipt to clear. */
export const clearanceOf = ({ session }: Pick<Quarantine, "session">, { now }: Moment) =>
  session === undefined || session === "" ? undefined : { session, at: now };

/** Handles ReleaseLease: the administrator vouches that nothing is left. */
export function release(state: State, { uid, call }: EventOf<"release-requested">): Next {
  const quarantine = state.pool.quarantined.get(uid);
  if (quarantine !== undefined)
    return stay(hold(state, uid), {
      kind: "release-uid",
      subject: subjectOf(uid, quarantine.user),
      call,
      clears: undefined,
    });
  const reason = `The uid ${uid} is not quarantined; "guestctl leases" shows those that are.`;
  return stay(state, { kind: "refuse", subject: subjectOf(uid, ""), call, code: "NoSuchLease", reason });
}

/** Releases a UID once that is saved. Otherwise it stays quarantined. */
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

/** Prevents a second check, which would kill what runs as the UID. */
export const hold = (state: State, uid: number): State => setRetry(state, uid, begin(state.retries.get(uid)));

const lookLater = (state: State, uid: number, uptime: number): State =>
  setRetry(state, uid, postpone(state.retries.get(uid), uptime));

const setRetry = (state: State, uid: number, retry: Retry): State => ({
  ...state,
  retries: new Map(state.retries).set(uid, retry),
});
