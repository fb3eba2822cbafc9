// step(state, event) -> state', effects: which decision follows from which event. Pure; nothing is done here.
// A session goes through the stages of opening, waits, and goes through the stages of ending. One effect
// of a session runs at a time; its outcome comes back as an event and leads to the next stage.
import { advanceAllocating, allocate, failAllocating } from "./allocating.ts";
import {
  advanceEnding,
  endOnRequest,
  endWithCall,
  endWithLeader,
  expireLeases,
  noteLeft,
  retryRemovals,
} from "./ending.ts";
import type { Event } from "./events.ts";
import { addCgroup, advanceOpening, failOpening, join, open, settle } from "./opening.ts";
import { subjectOf } from "./records.ts";
import type { Session } from "./session.ts";
import { failSettling, judgeSweep, release, retrySweeps, settle as settleLease } from "./quarantine.ts";
import { addFindings } from "./receipt.ts";
import { recover, resume } from "./recovering.ts";
import { endingStages, stageAfter } from "./stages.ts";
import { keepGate, requestGate, setGate } from "./switching.ts";
import type { Next, State } from "./state.ts";
import { put, stay, withSession } from "./state.ts";

/** What follows from one event. */
export function step(state: State, event: Event): Next {
  switch (event.kind) {
    case "allocate-requested":
      return allocate(state, event);
    case "open-requested":
      return open(state, event);
    case "join-requested":
      return join(state, event);
    case "close-hinted":
      return hintClose(state, event);
    case "call-expired":
      return withSession(state, event.id, (session) => endWithCall(state, session));
    case "end-requested":
      return endOnRequest(state, event);
    case "release-requested":
      return release(state, event);
    case "leader-exited":
      return withSession(state, event.id, (session) => endWithLeader(state, session));
    case "cgroup-found":
      return withSession(state, event.id, (session) => addCgroup(state, session, event.cgroup));
    case "record-found":
      return recover(state, event);
    case "leases-found":
      return stay({ ...state, pool: event.pool });
    case "gate-found":
      return stay({ ...state, gate: event.gate });
    case "gate-requested":
      return requestGate(state, event);
    case "config-loaded":
      return stay({ ...state, config: event.config });
    case "tick":
      return passTime(state, event.uptime);
    case "effect-done":
      return learnDone(state, event);
    case "effect-failed":
      return learnFailed(state, event);
    default:
      return event satisfies never;
  }
}

function hintClose(state: State, event: Event & { kind: "close-hinted" }): Next {
  return withSession(state, event.id, (session) => {
    if (session.leader.pid !== event.leaderPid || session.phase !== "open") return stay(state);
    return put(state, { ...session, pamClosed: true }, { kind: "note-close", subject: subjectOf(session) });
  });
}

function passTime(state: State, uptime: number): Next {
  const expired = expireLeases(state, uptime);
  const removed = retryRemovals(expired.state, uptime);
  const swept = retrySweeps(removed.state, uptime);
  return { state: swept.state, effects: [...expired.effects, ...removed.effects, ...swept.effects] };
}

// What is done about a uid, or about the switch, is no session's.
function learnDone(state: State, event: Event & { kind: "effect-done" }): Next {
  const { effect } = event;
  if (effect.kind === "sweep-lease") return judgeSweep(state, event);
  if (effect.kind === "write-gate") return setGate(state, effect);
  return effect.kind === "settle-lease" ? settleLease(state, effect) : advance(state, event);
}

function learnFailed(state: State, event: Event & { kind: "effect-failed" }): Next {
  const { effect, reason } = event;
  if (effect.kind === "sweep-lease") return judgeSweep(state, event);
  if (effect.kind === "write-gate") return keepGate(state, effect, reason);
  return effect.kind === "settle-lease" ? failSettling(state, effect, event) : fail(state, event);
}

function advance(state: State, event: Event & { kind: "effect-done" }): Next {
  return withSession(state, event.effect.subject.id, (before) => {
    const session = learn(before, event);
    switch (session.phase) {
      case "allocating":
        return advanceAllocating(state, session, event);
      case "opening":
        return advanceOpening(state, session, event.effect);
      case "allocated":
      case "open":
        return put(state, session);
      case "recovering":
        return event.effect.kind === "watch-leader"
          ? resume(state, session, event.outcome.leaderGone !== true)
          : put(state, session);
      case "ending":
        return advanceEnding(state, session, event);
      default:
        return session.phase satisfies never;
    }
  });
}

function learn(session: Session, { effect, outcome }: Event & { kind: "effect-done" }): Session {
  const { startTime, cgroups = [], view, found, taken } = outcome;
  return {
    ...session,
    ...(startTime === undefined ? {} : { leader: { ...session.leader, startTime } }),
    cgroups: [...session.cgroups, ...cgroups],
    ...(view === undefined ? {} : { view }),
    ...(effect.kind === "publish-account" && taken === undefined ? { published: true } : {}),
    ...(effect.kind === "write-record" || effect.kind === "note-ending" ? { recorded: true } : {}),
    ...(found === undefined ? {} : { found: addFindings(session.found, found) }),
  };
}

const NOT_READY = "Your guest session could not be made ready. Please ask the administrator of this machine.";

function fail(state: State, event: Event & { kind: "effect-failed" }): Next {
  const reason = event.code === "Failed" ? NOT_READY : event.reason;
  return withSession(state, event.effect.subject.id, (session) => {
    switch (session.phase) {
      case "allocating":
        return failAllocating(state, session, event.code === "Failed" ? "Refused" : event.code, reason);
      case "opening":
        // The guest is in, or the limits will be missing: neither is a reason to turn back.
        if (event.effect.kind === "limit-login") return stay(state);
        return event.effect.kind === "announce-opened"
          ? settle(state, session)
          : failOpening(state, session, event.code, reason);
      case "allocated":
      case "open":
        // Nothing that fails here ends it: it goes on as it is.
        return stay(state);
      case "recovering":
        return event.effect.kind === "watch-leader" ? resume(state, session, false) : stay(state);
      case "ending":
        // What was still under way of the open session says nothing of its end.
        if (stageAfter(endingStages(session), event.effect.kind) === undefined) return stay(state);
        // A record that stays is no thing of the guest's: it is tried again until it goes.
        return advanceEnding(state, event.effect.kind === "remove-record" ? session : noteLeft(session, event), event);
      default:
        return session.phase satisfies never;
    }
  });
}
