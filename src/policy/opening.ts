// How a session opens: from OpenSession, stage by stage, until its guest is in; and how a user manager joins it.
import type { Config } from "../config/schema.ts";
import { judgeLogin } from "./admission.ts";
import { startEnding } from "./ending.ts";
import type { ErrorCode } from "./errors.ts";
import type { Effect, Event, OpenRequested } from "./events.ts";
import { makePlan } from "./plan.ts";
import { NOTHING_FOUND } from "./receipt.ts";
import { answerOpen, subjectOf } from "./records.ts";
import type { Cgroup, Session } from "./session.ts";
import { OPENING, openingEffect, openingStages, stageAfter, writeRecord } from "./stages.ts";
import type { Next, State } from "./state.ts";
import { put, stay } from "./state.ts";

const OUTER_ENDS = "The session that this login was started in is ending.";

/** An OpenSession call: PAM opens a session for a guest. */
export function open(state: State, event: OpenRequested): Next {
  const verdict = judgeLogin(state.config, event, [...state.sessions.values()], state.gate);
  const outer = findOuter(state, event.leaderCgroup);
  const subject = {
    id: event.id,
    user: event.account.user,
    uid: event.account.uid,
    leader: event.leaderPid,
    service: event.service,
  };
  switch (verdict.kind) {
    case "refused":
      return stay(state, { kind: "refuse", subject, call: event.call, code: "Refused", reason: verdict.reason });
    case "again":
      return stay(state, {
        kind: "answer",
        subject: subjectOf(verdict.session),
        call: event.call,
        answer: answerOpen(verdict.session),
      });
    case "admitted":
      if (outer?.phase === "ending")
        return stay(state, { kind: "refuse", subject, call: event.call, code: "Refused", reason: OUTER_ENDS });
      return verdict.lease === undefined
        ? admit(state, event, verdict.config, outer)
        : admitLeased(state, event, verdict.config, verdict.lease);
    default:
      return verdict satisfies never;
  }
}

function admit(state: State, event: OpenRequested, config: Config, outer: Session | undefined): Next {
  const session: Session = {
    ...openedBy(event, config, false),
    id: event.id,
    account: event.account,
    leased: false,
    leader: { pid: event.leaderPid, startTime: 0 },
    ...(outer === undefined ? {} : { outer: outer.id }),
    cgroups: [],
    pamClosed: false,
    endCalls: [],
    found: NOTHING_FOUND,
  };
  return put(state, session, openingEffect(OPENING[0], session, event.leaderName));
}

// Its leader is watched since the account was leased.
function admitLeased(state: State, event: OpenRequested, config: Config, lease: Session): Next {
  const session: Session = { ...lease, ...openedBy(event, config, true) };
  return put(state, session, openingEffect("enclose-leader", session));
}

/** What an OpenSession call says of the session. */
function openedBy(event: OpenRequested, config: Config, leased: boolean) {
  return {
    service: event.service,
    tty: event.tty,
    rhost: event.rhost,
    openedAt: event.now,
    openedUptime: event.uptime,
    plan: makePlan(config, { account: event.account, leased, tty: event.tty }, event.facts),
    limits: config.Limits,
    phase: "opening" as const,
    openCall: event.call,
  };
}

// A guest who becomes another guest with su takes the leader out of the first session's cgroups; not out of its life.
function findOuter(state: State, cgroup: string): Session | undefined {
  const isInside = (path: string) => cgroup === path || cgroup.startsWith(`${path}/`);
  return [...state.sessions.values()].find(({ cgroups }) => cgroups.some(({ path }) => isInside(path)));
}

/**
 * A JoinSession call of a user manager: it would run outside the view of the login that caused it (CVE-2017-8900).
 * It may join only where the uid has but one view, and as long as that is not ending.
 */
export function join(state: State, event: Event & { kind: "join-requested" }): Next {
  const session = [...state.sessions.values()].find(({ account }) => account.uid === event.uid);
  if (
    session?.leased === true &&
    session.view !== undefined &&
    session.phase !== "ending" &&
    session.cause === undefined
  ) {
    return stay(state, {
      kind: "answer",
      subject: { ...subjectOf(session), service: "systemd-user" },
      call: event.call,
      answer: answerOpen(session),
    });
  }
  const subject = {
    id: event.id,
    user: session?.account.user ?? "",
    uid: event.uid,
    leader: 0,
    service: "systemd-user",
  };
  const reason =
    session?.leased === true
      ? "This guest's session is not open: its user manager cannot join it."
      : "Guests who share an account have no user manager: it would run outside their view.";
  return stay(state, { kind: "refuse", subject, call: event.call, code: "NoSuchSession", reason });
}

/** logind has moved the leader to a cgroup of its own. */
export function addCgroup(state: State, session: Session, cgroup: Cgroup): Next {
  if (session.cgroups.some(({ inode }) => inode === cgroup.inode) || session.phase === "ending") return stay(state);
  const found: Session = { ...session, cgroups: [...session.cgroups, cgroup] };
  const limit: Effect = { kind: "limit-login", subject: subjectOf(session), cgroup, limits: session.limits };
  // What is not open yet is written down when it is.
  return put(state, found, limit, ...(found.phase === "open" ? [writeRecord(found)] : []));
}

/** A stage of opening is done: the next one. */
export function advanceOpening(state: State, session: Session, done: Effect): Next {
  const stage = stageAfter(openingStages(session), done.kind);
  if (stage === undefined) return put(state, session);
  if (stage === "done") return settle(state, session);
  if (session.cause !== undefined && stage !== "announce-opened") {
    return session.cause === "leader-exited"
      ? failOpening(state, session, "LeaderGone", "The login ended before its guest session was ready.")
      : failOpening(state, session, "Refused", "This guest session was ended before it was ready.");
  }
  return put(state, session, openingEffect(stage, session));
}

/** The session is open; its end may have been asked for meanwhile. */
export function settle(state: State, { openCall: _answered, ...session }: Session): Next {
  const opened: Session = { ...session, phase: "open" };
  return opened.cause === undefined ? put(state, opened) : startEnding(state, opened);
}

/**
 * The guest is told; then whatever of the session stands already is taken away as at any other end.
 * For a leased account that waits until its leader is done: its end is that of all processes of the user.
 */
export function failOpening(state: State, session: Session, code: ErrorCode, reason: string): Next {
  const refuse: Effect = { kind: "refuse", subject: subjectOf(session), call: session.openCall ?? 0, code, reason };
  if (session.leased && session.cause === undefined) {
    return put(state, { ...session, phase: "allocated", cause: "open-failed" }, refuse);
  }
  const ending = startEnding(state, { ...session, cause: session.cause ?? "open-failed" });
  return { ...ending, effects: [refuse, ...ending.effects] };
}
