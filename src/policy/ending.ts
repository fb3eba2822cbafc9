// How a session ends: asked for by its leader's exit, by an administrator, by time; then stage by stage to the receipt.
import type { Effect, Event, Moment } from "./events.ts";
import { quarantineUid, restUid } from "./lease.ts";
import { subjectOf } from "./records.ts";
import type { Receipt } from "./receipt.ts";
import { addFindings } from "./receipt.ts";
import { begin, postpone } from "./retry.ts";
import type { EndCause, Session } from "./session.ts";
import { endingEffect, endingStages, quarantineOf, stageAfter } from "./stages.ts";
import type { Next, State } from "./state.ts";
import { put, stay } from "./state.ts";

/** Of a reason in a receipt: a guest chooses the names that some of them hold. */
const MOST_CHARACTERS = 300;

/** Most first stages look at no clock: what their effects say is made from what they find. */
const NO_MOMENT: Moment = { now: 0, uptime: 0 };

type Ended = Event & { kind: "effect-done" | "effect-failed" };

/** The leader has exited. */
export function endWithLeader(state: State, session: Session): Next {
  if (session.phase === "allocated") return end(state, session, "never-opened");
  return end(state, session, session.pamClosed ? "logout" : "leader-exited");
}

/** Nobody waits for the session to be ready: what there is of it already is taken away. */
export function endWithCall(state: State, session: Session): Next {
  if (session.phase === "allocating" || session.phase === "allocated") return end(state, session, "never-opened");
  return session.phase === "opening" ? end(state, session, "open-failed") : stay(state);
}

/** Leased accounts that nobody has logged in with in time go back. */
export function expireLeases(state: State, uptime: number): Next {
  if (state.config === undefined) return stay(state);
  const limit = state.config.Guests.LeaseTimeout * 1e6;
  const late = [...state.sessions.values()].filter(
    ({ phase, openedUptime }) => phase === "allocated" && uptime - openedUptime > limit,
  );
  return endAll(stay(state), late, "never-opened");
}

/** An administrator's EndSession. */
export function endOnRequest(state: State, event: Event & { kind: "end-requested" }): Next {
  const session = state.sessions.get(event.id);
  if (session === undefined) {
    const subject = { id: event.id, user: "", uid: 0, leader: 0, service: "" };
    const reason = `There is no session ${event.id}; "guestctl list" shows those that there are.`;
    return stay(state, { kind: "refuse", subject, call: event.call, code: "NoSuchSession", reason });
  }
  // All is done but that its record still stands.
  if (session.removal !== undefined && session.receipt !== undefined)
    return stay(state, answerEnd(subjectOf(session), event.call, session.receipt));
  return end(state, { ...session, endCalls: [...session.endCalls, event.call] }, "ended-by-admin");
}

// While an effect of opening runs, the end waits for it: only then is known what there is to take away.
function end(state: State, session: Session, cause: EndCause): Next {
  const ending = { ...session, cause: session.cause ?? cause };
  const waits = session.phase === "open" || session.phase === "allocated";
  return waits ? startEnding(state, ending) : put(state, ending);
}

function endAll(before: Next, sessions: readonly Session[], cause: EndCause): Next {
  return sessions.reduce<Next>((last, session) => {
    const next = end(last.state, session, cause);
    return { state: next.state, effects: [...last.effects, ...next.effects] };
  }, before);
}

/** Begins to end a session whose cause is set, and those that were started in it. */
export function startEnding(state: State, session: Session, moment = NO_MOMENT): Next {
  const ending: Session = { ...session, phase: "ending" };
  const inner = [...state.sessions.values()].filter(({ outer, phase }) => outer === session.id && phase !== "ending");
  // What has a receipt has been through all that comes before its announcement.
  const [first = "kill-processes"] = ending.receipt === undefined ? endingStages(ending) : ["announce-closed" as const];
  return endAll(put(state, ending, endingEffect(first, ending, moment)), inner, "outer-ended");
}

/** A stage of ending is done, or has failed and is noted: the next one. */
export function advanceEnding(state: State, session: Session, event: Ended): Next {
  const { effect, uptime } = event;
  const stage = stageAfter(endingStages(session), effect.kind);
  if (stage === undefined) return put(state, session);
  const next = { ...session, endingUptime: session.endingUptime ?? uptime, ...receiptAfter(event) };
  if (stage !== "done") return put(state, next, endingEffect(stage, next, event));
  return event.kind === "effect-failed" ? keepRecord(state, next, uptime) : forget(state, next);
}

// All is done but that the record still stands: whoever waits for the end is answered, and that is tried again.
function keepRecord(state: State, session: Session, uptime: number): Next {
  const kept: Session = { ...session, endCalls: [], removal: postpone(session.removal, uptime) };
  return put(state, kept, ...answerEnds(session));
}

/** Time has passed: records that could not be removed may be by now. */
export function retryRemovals(state: State, uptime: number): Next {
  const due = [...state.sessions.values()].filter(({ removal }) => removal !== undefined && removal.due <= uptime);
  return due.reduce<Next>(({ state: last, effects }, session) => {
    const next = put(
      last,
      { ...session, removal: begin(session.removal) },
      endingEffect("remove-record", session, NO_MOMENT),
    );
    return { state: next.state, effects: [...effects, ...next.effects] };
  }, stay(state));
}

// One that could not be written is announced anew, with that in it; what was announced is what callers are told.
function receiptAfter({ kind, effect }: Ended): Pick<Session, "receipt"> {
  const isWritten = effect.kind === "write-receipt" && kind === "effect-done";
  return isWritten || effect.kind === "announce-closed" ? { receipt: effect.receipt } : {};
}

/** A stage of the end that fails makes the receipt dirty; the stages after it still run. */
export function noteLeft(session: Session, { effect, reason }: Event & { kind: "effect-failed" }): Session {
  return {
    ...session,
    found: addFindings(session.found, { left: [`${effect.kind}: ${reason.slice(0, MOST_CHARACTERS)}`] }),
  };
}

function forget(state: State, session: Session): Next {
  const sessions = new Map(state.sessions);
  sessions.delete(session.id);
  return { state: { ...state, sessions, pool: poolAfter(state, session) }, effects: answerEnds(session) };
}

function answerEnds(session: Session): Effect[] {
  const { receipt, endCalls } = session;
  return receipt === undefined ? [] : endCalls.map((call) => answerEnd(subjectOf(session), call, receipt));
}

const answerEnd = (subject: Effect["subject"], call: number, receipt: Receipt): Effect => ({
  kind: "answer",
  subject,
  call,
  answer: { kind: "ended", receipt },
});

// A uid of which something may be left is no stranger's to have.
function poolAfter({ pool }: State, session: Session): State["pool"] {
  const { uid, user } = session.account;
  // One that turned out to be somebody's is kept already.
  if (!session.leased || pool.quarantined.has(uid)) return pool;
  const reason = quarantineOf(session);
  return reason === undefined ? restUid(pool, uid) : quarantineUid(pool, uid, { reason, user, session: session.id });
}
