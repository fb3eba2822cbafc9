// step(state, event) -> state', effects: every decision of the daemon. Pure; nothing is done here.
// A session goes through the stages of opening, waits, and goes through the stages of ending. One effect
// of a session runs at a time; its outcome comes back as an event and leads to the next stage.
import type { Config } from "../config/schema.ts";
import { judgeLogin } from "./admission.ts";
import type { ErrorCode } from "./errors.ts";
import type { Effect, Event, OpenRequested } from "./events.ts";
import { makePlan } from "./plan.ts";
import { answerOpen, subjectOf } from "./records.ts";
import type { Cgroup, EndCause, Receipt, Session } from "./session.ts";
import { NOTHING_FOUND } from "./session.ts";
import { ENDING, endingEffect, OPENING, openingEffect, stageAfter } from "./stages.ts";

export interface State {
  /** Undefined until it is loaded and while it has errors. */
  readonly config: Config | undefined;
  readonly sessions: ReadonlyMap<string, Session>;
}

export interface Next {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const INITIAL_STATE: State = { config: undefined, sessions: new Map() };

/** What follows from one event. */
export function step(state: State, event: Event): Next {
  switch (event.kind) {
    case "open-requested":
      return open(state, event);
    case "join-requested":
      return refuseJoin(state, event);
    case "close-hinted":
      return hintClose(state, event);
    case "end-requested":
      return endOnRequest(state, event);
    case "leader-exited":
      return withSession(state, event.id, (session) => end(state, session, session.pamClosed ? "logout" : "leader-exited"));
    case "cgroup-found":
      return withSession(state, event.id, (session) => addCgroup(state, session, event.cgroup));
    case "record-found":
      return recover(state, event.session);
    case "config-loaded":
      return { state: { ...state, config: event.config }, effects: [] };
    case "effect-done":
      return advance(state, event);
    case "effect-failed":
      return fail(state, event);
    default:
      return event satisfies never;
  }
}

const stay = (state: State, ...effects: Effect[]): Next => ({ state, effects });

function put(state: State, session: Session, ...effects: Effect[]): Next {
  return { state: { ...state, sessions: new Map(state.sessions).set(session.id, session) }, effects };
}

function withSession(state: State, id: string, then: (session: Session) => Next): Next {
  const session = state.sessions.get(id);
  return session === undefined ? stay(state) : then(session);
}

function open(state: State, event: OpenRequested): Next {
  const verdict = judgeLogin(state.config, event, [...state.sessions.values()]);
  const outer = findOuter(state, event.leaderCgroup);
  const subject = { id: event.id, user: event.account.user, uid: event.account.uid, leader: event.leaderPid, service: event.service };
  switch (verdict.kind) {
    case "refused":
      return stay(state, { kind: "refuse", subject, call: event.call, code: "Refused", reason: verdict.reason });
    case "again":
      return stay(state, { kind: "answer", subject: subjectOf(verdict.session), call: event.call, answer: answerOpen(verdict.session) });
    case "admitted":
      if (outer?.phase !== "ending") return admit(state, event, verdict.config, outer);
      return stay(state, { kind: "refuse", subject, call: event.call, code: "Refused", reason: OUTER_ENDS });
    default:
      return verdict satisfies never;
  }
}

function admit(state: State, event: OpenRequested, config: Config, outer: Session | undefined): Next {
  const session: Session = {
    id: event.id,
    account: event.account,
    service: event.service,
    tty: event.tty,
    rhost: event.rhost,
    leader: { pid: event.leaderPid, startTime: 0 },
    ...(outer === undefined ? {} : { outer: outer.id }),
    openedAt: event.now,
    openedUptime: event.uptime,
    plan: makePlan(config, event.account, event.facts),
    phase: "opening",
    cgroups: [],
    pamClosed: false,
    openCall: event.call,
    endCalls: [],
    found: NOTHING_FOUND,
  };
  return put(state, session, openingEffect(OPENING[0], session, event.leaderName));
}

// A guest who becomes another guest with su takes the leader out of the first session's cgroups; not out of its life.
function findOuter(state: State, cgroup: string): Session | undefined {
  const isInside = (path: string) => cgroup === path || cgroup.startsWith(`${path}/`);
  return [...state.sessions.values()].find(({ cgroups }) => cgroups.some(({ path }) => isInside(path)));
}

const OUTER_ENDS = "The session that this login was started in is ending.";

// A user manager runs outside the view of the login that caused it (CVE-2017-8900). It may join a view only
// where the uid has but one, and the accounts of these sessions can be shared by several.
function refuseJoin(state: State, event: Event & { kind: "join-requested" }): Next {
  const session = [...state.sessions.values()].find(({ account }) => account.uid === event.uid);
  const subject = { id: event.id, user: session?.account.user ?? "", uid: event.uid, leader: 0, service: "systemd-user" };
  const reason = "Guests who share an account have no user manager: it would run outside their view.";
  return stay(state, { kind: "refuse", subject, call: event.call, code: "NoSuchSession", reason });
}

function hintClose(state: State, event: Event & { kind: "close-hinted" }): Next {
  return withSession(state, event.id, (session) => {
    if (session.leader.pid !== event.leaderPid || session.phase !== "open") return stay(state);
    return put(state, { ...session, pamClosed: true }, { kind: "note-close", subject: subjectOf(session) });
  });
}

function endOnRequest(state: State, event: Event & { kind: "end-requested" }): Next {
  const session = state.sessions.get(event.id);
  if (session === undefined) {
    const subject = { id: event.id, user: "", uid: 0, leader: 0, service: "" };
    const reason = `There is no session ${event.id}; "guestctl list" shows those that there are.`;
    return stay(state, { kind: "refuse", subject, call: event.call, code: "NoSuchSession", reason });
  }
  return end(state, { ...session, endCalls: [...session.endCalls, event.call] }, "ended-by-admin");
}

// While an effect of opening runs, the end waits for it: only then is known what there is to take away.
function end(state: State, session: Session, cause: EndCause): Next {
  const ending = { ...session, cause: session.cause ?? cause };
  if (session.phase !== "open") return put(state, ending);
  return startEnding(state, ending);
}

function startEnding(state: State, session: Session): Next {
  const ending: Session = { ...session, phase: "ending" };
  const inner = [...state.sessions.values()].filter(({ outer, phase }) => outer === session.id && phase !== "ending");
  return inner.reduce<Next>((before, other) => {
    const next = end(before.state, other, "outer-ended");
    return { state: next.state, effects: [...before.effects, ...next.effects] };
  }, put(state, ending, endingEffect(ENDING[0], ending, 0)));
}

function addCgroup(state: State, session: Session, cgroup: Cgroup): Next {
  if (session.cgroups.some(({ inode }) => inode === cgroup.inode)) return stay(state);
  const found: Session = { ...session, cgroups: [...session.cgroups, cgroup] };
  // What is not open yet is written down when it is; what is ending needs no record any more.
  return found.phase === "open" ? put(state, found, openingEffect("write-record", found)) : put(state, found);
}

// The record says who the leader was; watching tells whether it still is that process.
// Without a descriptor of the view its numbers can be another's by now: they are forgotten until it is taken up.
function recover(state: State, session: Session): Next {
  const { view: _recorded, ...found } = session;
  return put(state, found, openingEffect("watch-leader", session));
}

function advance(state: State, event: Event & { kind: "effect-done" }): Next {
  return withSession(state, event.effect.subject.id, (before) => {
    const session = learn(before, event);
    switch (session.phase) {
      case "opening":
        return advanceOpening(state, session, event.effect);
      case "open":
        return put(state, session);
      case "ending":
        return advanceEnding(state, session, event.effect, event.now);
      default:
        return session.phase satisfies never;
    }
  });
}

function learn(session: Session, { outcome }: Event & { kind: "effect-done" }): Session {
  const { startTime, cgroup, view, found } = outcome;
  return {
    ...session,
    ...(startTime === undefined ? {} : { leader: { ...session.leader, startTime } }),
    ...(cgroup === undefined ? {} : { cgroups: [...session.cgroups, cgroup] }),
    ...(view === undefined ? {} : { view }),
    ...(found === undefined ? {} : { found }),
  };
}

function advanceOpening(state: State, session: Session, done: Effect): Next {
  const stage = stageAfter(OPENING, done.kind);
  if (stage === undefined) return put(state, session);
  if (stage === "done") return settle(state, session);
  if (session.cause !== undefined && stage !== "announce-opened") {
    return session.cause === "leader-exited"
      ? failOpening(state, session, "LeaderGone", "The login ended before its guest session was ready.")
      : failOpening(state, session, "Refused", "This guest session was ended before it was ready.");
  }
  return put(state, session, openingEffect(stage, session));
}

// The session is open; its end may have been asked for meanwhile.
function settle(state: State, { openCall: _answered, ...session }: Session): Next {
  const open: Session = { ...session, phase: "open" };
  return open.cause === undefined ? put(state, open) : startEnding(state, open);
}

// The guest is told, then whatever of the session stands already is taken away as at any other end.
function failOpening(state: State, session: Session, code: ErrorCode, reason: string): Next {
  const ending = startEnding(state, { ...session, cause: session.cause ?? "open-failed" });
  const refuse: Effect = { kind: "refuse", subject: subjectOf(session), call: session.openCall ?? 0, code, reason };
  return { ...ending, effects: [refuse, ...ending.effects] };
}

function advanceEnding(state: State, session: Session, done: Effect, now: number): Next {
  const stage = stageAfter(ENDING, done.kind);
  if (stage === undefined) return put(state, session);
  if (stage !== "done") return put(state, session, endingEffect(stage, session, now));
  return done.kind === "announce-closed" ? forget(state, session, done.receipt) : put(state, session);
}

function forget(state: State, session: Session, receipt: Receipt): Next {
  const sessions = new Map(state.sessions);
  sessions.delete(session.id);
  const subject = subjectOf(session);
  const effects = session.endCalls.map((call): Effect => ({ kind: "answer", subject, call, answer: { kind: "ended", receipt } }));
  return { state: { ...state, sessions }, effects };
}

const NOT_READY = "Your guest session could not be made ready. Please ask the administrator of this machine.";

function fail(state: State, event: Event & { kind: "effect-failed" }): Next {
  return withSession(state, event.effect.subject.id, (session) => {
    switch (session.phase) {
      case "opening":
        if (event.effect.kind === "announce-opened") return settle(state, session);
        return failOpening(state, session, event.code, event.code === "Failed" ? NOT_READY : event.reason);
      case "open":
        // A recovered session whose leader is not that process any more; nothing else that fails here ends it.
        return event.effect.kind === "watch-leader" ? startEnding(state, { ...session, cause: "leader-exited" }) : stay(state);
      case "ending":
        return advanceEnding(state, noteLeft(session, event), event.effect, event.now);
      default:
        return session.phase satisfies never;
    }
  });
}

// A stage of the end that fails makes the receipt dirty; the stages after it still run.
function noteLeft(session: Session, { effect, reason }: Event & { kind: "effect-failed" }): Session {
  const left = [...session.found.left, `${effect.kind}: ${reason}`];
  return { ...session, found: { ...session.found, left } };
}
