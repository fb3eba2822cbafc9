// How a session ends: with its leader, on request, or after a time limit.
import type { CallId } from "./call.ts";
import type { Context } from "./effects/row.ts";
import { removeRecord } from "./effects/remove-record.ts";
import type { Effect } from "./effects.ts";
import { rowOf } from "./effects.ts";
import type { EffectFailed, Ended, EventOf } from "./events.ts";
import { quarantineUid, restUid } from "./lease.ts";
import { quarantineOf } from "./make-receipt.ts";
import type { Moment } from "./moment.ts";
import type { EndCause, Receipt } from "./receipt.ts";
import { addFindings, NOTHING_FOUND } from "./receipt.ts";
import { begin, postpone } from "./retry.ts";
import type { Ending, Session } from "./session.ts";
import { ENDING } from "./stages.ts";
import type { Next, State } from "./state.ts";
import { chain, put, stay } from "./state.ts";
import type { SessionSubject } from "./subject.ts";
import { subjectOf } from "./subject.ts";
import { effectAfter, effectOf, isStageOf, learnFrom } from "./way.ts";

/** Limits a reason in a receipt, because guests choose names in it. */
const MOST_CHARACTERS = 300;

export function endWithLeader(state: State, session: Session, moment: Moment): Next {
  return end(state, session, causeOfExit(session), moment);
}

function causeOfExit(session: Session): EndCause {
  if (session.phase === "allocated") return "never-opened";
  return session.phase === "open" && session.pamClosed ? "logout" : "leader-exited";
}

/** Ends a session whose call has timed out. */
export function endWithCall(state: State, session: Session, moment: Moment): Next {
  if (session.phase === "allocating" || session.phase === "allocated")
    return end(state, session, "never-opened", moment);
  return session.phase === "opening" ? end(state, session, "open-failed", moment) : stay(state);
}

/** The leader of a refused session may live so long, in microseconds. */
const REFUSED_LIMIT = 60e6;

/** Ends leases without a session, even if their leaders live. */
export function expireLeases(state: State, moment: Moment): Next {
  if (state.config === undefined) return stay(state);
  const { LeaseTimeout } = state.config.Guests;
  const limitOf = (session: Session) => {
    if (session.phase !== "allocated") return Infinity;
    if (session.cause !== undefined) return REFUSED_LIMIT;
    return LeaseTimeout === 0 ? Infinity : LeaseTimeout * 1e6;
  };
  const late = [...state.sessions.values()].filter(
    (session) => moment.uptime - session.openedUptime > limitOf(session),
  );
  return endAll(stay(state), late, "never-opened", moment);
}

/** A leader may live so long without its connection, in microseconds. On a hang-up it exits at once. */
const HANG_UP_LIMIT = 30e6;

export function noteDisconnection(state: State, session: Session, { uptime }: Moment): Next {
  const isNew = session.phase === "open" && session.disconnectedUptime === undefined;
  return isNew ? put(state, { ...session, disconnectedUptime: uptime }) : stay(state);
}

/** Ends disconnected sessions. A guest can stop the processes that would tell the leader. */
export function endDisconnected(state: State, moment: Moment): Next {
  const late = [...state.sessions.values()].filter(
    (session) =>
      session.phase === "open" &&
      session.disconnectedUptime !== undefined &&
      moment.uptime - session.disconnectedUptime > HANG_UP_LIMIT,
  );
  return endAll(stay(state), late, "disconnected", moment);
}

export function endOnRequest(state: State, event: EventOf<"end-requested">): Next {
  const { id, call } = event;
  const session = state.sessions.get(id);
  if (session === undefined) {
    const subject: SessionSubject = { of: "session", id, user: "", uid: 0, leader: 0, service: "" };
    const reason = `There is no session ${id}; "guestctl list" shows those that there are.`;
    return stay(state, { kind: "refuse", subject, call, code: "NoSuchSession", reason });
  }
  // Only its record is left.
  if (session.phase === "ending" && session.removal !== undefined && session.receipt !== undefined)
    return stay(state, answerEnd(subjectOf(session), call, session.receipt));
  return end(state, { ...session, endCalls: [...session.endCalls, call] }, "ended-by-admin", event);
}

// Waits for a running effect, because its outcome tells what to remove.
function end(state: State, session: Session, cause: EndCause, moment: Moment): Next {
  switch (session.phase) {
    case "open":
      return startEnding(state, session, cause, moment);
    case "allocated":
      return startEnding(state, session, session.cause ?? cause, moment);
    case "ending":
      return put(state, session);
    case "allocating":
    case "opening":
    case "recovering":
      return put(state, { ...session, cause: session.cause ?? cause });
    default:
      return session satisfies never;
  }
}

function endAll(before: Next, sessions: readonly Session[], cause: EndCause, moment: Moment): Next {
  return chain(before, ...sessions.map((session) => (state: State) => end(state, session, cause, moment)));
}

/**
 * Ends a session, and those started in it.
 * @param receipt written by an earlier guestd
 */
export function startEnding(
  state: State,
  session: Exclude<Session, Ending>,
  cause: EndCause,
  moment: Moment,
  receipt?: Receipt,
): Next {
  const ending = toEnding(session, cause, moment, receipt);
  const inner = [...state.sessions.values()].filter(({ outer, phase }) => outer === session.id && phase !== "ending");
  // All stages before the receipt have run.
  const effect = effectAfter(
    ENDING,
    ending,
    receipt === undefined ? undefined : "write-receipt",
    contextOf(ending, moment),
  );
  return endAll(put(state, ending, ...(effect === undefined ? [] : [effect])), inner, "outer-ended", moment);
}

function toEnding(
  session: Exclude<Session, Ending>,
  cause: EndCause,
  { uptime }: Moment,
  receipt: Receipt | undefined,
): Ending {
  const { id, account, leased, published, service, tty, rhost, leader, openedAt, openedUptime } = session;
  const { plan, limits, cgroups, outer, acceptance, hasRecord, endCalls, view } = session;
  const wasBegun = receipt !== undefined || (session.phase === "recovering" && session.recorded === "ending");
  return {
    ...{ id, account, leased, published, service, tty, rhost, leader, openedAt, openedUptime },
    ...{ plan, limits, cgroups, outer, acceptance, hasRecord, endCalls, view },
    phase: "ending",
    cause,
    begunUptime: uptime,
    running: session.phase === "open" ? session.running : [],
    found: NOTHING_FOUND,
    receipt,
    wasBegun,
    removal: undefined,
  };
}

function contextOf(session: Ending, { now, uptime }: Moment): Context {
  const needed = ENDING.filter(({ when }) => when?.(session) !== false);
  return { now, uptime, kinds: needed.flatMap(({ looksAt = [] }) => looksAt) };
}

/** After a failed stage the later ones still run. */
export function advanceEnding(state: State, before: Ending, event: Ended): Next {
  // An effect of the open session may still finish.
  if (!isStageOf(ENDING, before, event.effect)) return stay(state);
  const session = event.kind === "effect-failed" ? noteFailure(before, event) : before;
  const next = learnFrom(ENDING, session, event);
  const effect = effectAfter(ENDING, next, event.effect.kind, contextOf(next, event));
  if (effect !== undefined) return put(state, next, effect);
  return event.kind === "effect-failed" ? keepRecord(state, next, event.uptime) : forget(state, next);
}

// A record has nothing of the guest's, and its removal is retried.
function noteFailure(session: Ending, { effect: { kind }, reason }: EffectFailed): Ending {
  if (["retry", "go-on"].includes(rowOf(kind).fails)) return session;
  const left = [`${kind}: ${reason.slice(0, MOST_CHARACTERS)}`];
  return { ...session, found: addFindings(session.found, { left }) };
}

// Only the record is left, so waiting callers get their answers.
function keepRecord(state: State, session: Ending, uptime: number): Next {
  const kept: Ending = { ...session, endCalls: [], removal: postpone(session.removal, uptime) };
  return put(state, kept, ...answerEnds(session));
}

export function retryRemovals(state: State, moment: Moment): Next {
  const due = [...state.sessions.values()].flatMap((session) =>
    session.phase === "ending" && session.removal !== undefined && session.removal.due <= moment.uptime
      ? [session]
      : [],
  );
  const retry = (session: Ending) => (before: State) => {
    const again = effectOf(removeRecord, session, contextOf(session, moment));
    return put(before, { ...session, removal: begin(session.removal) }, again);
  };
  return chain(stay(state), ...due.map(retry));
}

function forget(state: State, session: Ending): Next {
  const sessions = new Map(state.sessions);
  sessions.delete(session.id);
  return { state: { ...state, sessions, pool: poolAfter(state, session) }, effects: answerEnds(session) };
}

function answerEnds(session: Ending): Effect[] {
  const { receipt, endCalls } = session;
  return receipt === undefined ? [] : endCalls.map((call) => answerEnd(subjectOf(session), call, receipt));
}

const answerEnd = (subject: SessionSubject, call: CallId, receipt: Receipt): Effect => ({
  kind: "answer",
  subject,
  call,
  answer: { kind: "ended", receipt },
});

function poolAfter({ pool }: State, session: Ending): State["pool"] {
  const { uid } = session.account;
  // A foreign UID is quarantined already.
  if (!session.leased || pool.quarantined.has(uid)) return pool;
  const quarantine = quarantineOf(session);
  return quarantine === undefined ? restUid(pool, uid) : quarantineUid(pool, uid, quarantine);
}
