// transition(state, event) -> state, effects. Pure. One effect of a session runs at a time. Its outcome comes back as
// an event, and leads to the next stage.
import { advanceAllocating, allocate } from "./allocating.ts";
import {
  advanceEnding,
  endDisconnected,
  endOnRequest,
  endWithCall,
  endWithLeader,
  expireLeases,
  noteDisconnection,
  retryRemovals,
} from "./ending.ts";
import type { Ended, Event, EventOf } from "./events.ts";
import type { KeptLeases, LeasePool } from "./lease.ts";
import { EMPTY_POOL, fillPool } from "./lease.ts";
import type { Moment } from "./moment.ts";
import { offerGhost, offerGhostAgain } from "./offering.ts";
import { addCgroup, advanceOpening, join, open } from "./opening.ts";
import { judgeSweep, release, retrySweeps, applyRelease } from "./quarantine.ts";
import { advanceRecovering, recover, removeStaleMarks } from "./recovering.ts";
import type { Next, State } from "./state.ts";
import { chain, put, stay, withSession } from "./state.ts";
import { subjectOf } from "./subject.ts";
import { requestSwitch, applySwitch } from "./switching.ts";
import { judgeWalk, walkOn } from "./walking.ts";

export function transition(state: State, event: Event): Next {
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
      return withSession(state, event.id, (session) => endWithCall(state, session, event));
    case "end-requested":
      return endOnRequest(state, event);
    case "release-requested":
      return release(state, event);
    case "leader-exited":
      return withSession(state, event.id, (session) => endWithLeader(state, session, event));
    case "connection-lost":
      return withSession(state, event.id, (session) => noteDisconnection(state, session, event));
    case "cgroup-found":
      return withSession(state, event.id, (session) => addCgroup(state, session, event.cgroup));
    case "record-found":
      return recover(state, event);
    case "marks-found":
      return removeStaleMarks(state, event.uids);
    case "leases-found":
      return stay({ ...state, uidMap: event.uidMap, pool: poolFor(state.config, event.kept) });
    case "switch-found":
      return offerGhost({ ...state, loginSwitch: event.loginSwitch });
    case "switch-requested":
      return requestSwitch(state, event);
    case "config-loaded":
      return offerGhostAgain({
        ...state,
        config: event.config,
        notice: event.notice,
        pool: poolFor(event.config, state.pool),
      });
    case "tick":
      return passTime(state, event);
    case "effect-done":
    case "effect-failed":
      return learn(state, event);
    default:
      return event satisfies never;
  }
}

const poolFor = (config: State["config"], kept: KeptLeases): LeasePool =>
  config === undefined ? { ...EMPTY_POOL, ...kept } : fillPool(config.Guests.LeaseRange, kept);

function hintClose(state: State, event: EventOf<"close-hinted">): Next {
  return withSession(state, event.id, (session) => {
    if (session.phase !== "open" || session.leader.pid !== event.leaderPid) return stay(state);
    const running = event.running.filter((pid) => pid !== event.leaderPid);
    return put(state, { ...session, pamClosed: true, running }, { kind: "note-close", subject: subjectOf(session) });
  });
}

function passTime(state: State, moment: Moment): Next {
  return chain(
    expireLeases(state, moment),
    (next) => endDisconnected(next, moment),
    (next) => retryRemovals(next, moment),
    (next) => retrySweeps(next, moment),
    (next) => walkOn(next, moment),
  );
}

function learn(state: State, event: Ended): Next {
  const { subject } = event.effect;
  switch (event.effect.kind) {
    case "sweep-uid":
      return judgeSweep(state, event.effect, event);
    case "walk-paths":
      return judgeWalk(state, event.effect, event);
    case "release-uid":
      return applyRelease(state, event.effect, event);
    case "write-switch":
      return applySwitch(state, event.effect, event);
    default:
      return subject.of === "session" ? advance(state, subject.id, event) : stay(state);
  }
}

function advance(state: State, id: string, event: Ended): Next {
  return withSession(state, id, (session) => {
    switch (session.phase) {
      case "allocating":
        return advanceAllocating(state, session, event);
      case "opening":
        return advanceOpening(state, session, event);
      case "allocated":
      case "open":
        // A failed effect does not end an open session.
        return stay(state);
      case "recovering":
        return advanceRecovering(state, session, event);
      case "ending":
        return advanceEnding(state, session, event);
      default:
        return session satisfies never;
    }
  });
}
