// step(state, event) -> state', effects: which decision follows from which event. Pure; nothing is done here.
// A session goes through the stages of opening, waits, and goes through the stages of ending. One effect
// of a session runs at a time; its outcome comes back as an event and leads to the next stage.
import { advanceAllocating, allocate, failAllocating } from "./allocating.ts";
import { advanceEnding, endOnRequest, endWithCall, endWithLeader, expireLeases, noteLeft } from "./ending.ts";
import type { Event } from "./events.ts";
import { addCgroup, advanceOpening, failOpening, join, open, settle } from "./opening.ts";
import { subjectOf } from "./records.ts";
import type { Session } from "./session.ts";
import { endingStages, stageAfter, watchLeader } from "./stages.ts";
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
    case "leader-exited":
      return withSession(state, event.id, (session) => endWithLeader(state, session));
    case "cgroup-found":
      return withSession(state, event.id, (session) => addCgroup(state, session, event.cgroup));
    case "record-found":
      return recover(state, event.session);
    case "leases-found":
      return stay({ ...state, pool: event.pool });
    case "config-loaded":
      return stay({ ...state, config: event.config });
    case "tick":
      return expireLeases(state, event.uptime);
    case "effect-done":
      return advance(state, event);
    case "effect-failed":
      return fail(state, event);
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

// The record says who the leader was; watching tells whether it still is that process.
// Without a descriptor of the view its numbers can be another's by now: they are forgotten until it is taken up.
function recover(state: State, session: Session): Next {
  const { view: _recorded, ...found } = session;
  return put(state, found, watchLeader(session));
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
      case "ending":
        return advanceEnding(state, session, event.effect, event);
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
    ...(found === undefined ? {} : { found: { ...session.found, ...found, left: [...session.found.left, ...(found.left ?? [])] } }),
  };
}

const NOT_READY = "Your guest session could not be made ready. Please ask the administrator of this machine.";

function fail(state: State, event: Event & { kind: "effect-failed" }): Next {
  const reason = event.code === "Failed" ? NOT_READY : event.reason;
  return withSession(state, event.effect.subject.id, (session) => {
    switch (session.phase) {
      case "allocating":
        return failAllocating(state, session, reason);
      case "opening":
        // The guest is in, or the limits will be missing: neither is a reason to turn back.
        if (event.effect.kind === "limit-login") return stay(state);
        return event.effect.kind === "announce-opened" ? settle(state, session) : failOpening(state, session, event.code, reason);
      case "allocated":
      case "open":
        // A recovered session whose leader is not that process any more; nothing else that fails here ends it.
        return event.effect.kind === "watch-leader" ? endWithLeader(state, session) : stay(state);
      case "ending":
        // What was still under way of the open session says nothing of its end.
        if (stageAfter(endingStages(session), event.effect.kind) === undefined) return stay(state);
        return advanceEnding(state, noteLeft(session, event), event.effect, event);
      default:
        return session.phase satisfies never;
    }
  });
}
