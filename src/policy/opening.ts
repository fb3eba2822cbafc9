// How a session opens, from OpenSession until the guest is in; and how a user manager joins it.
import type { Config } from "../config/schema.ts";
import type { Verdict } from "./admission.ts";
import { judgeLogin } from "./admission.ts";
import { answerOpen } from "./answer.ts";
import type { EffectKind, EffectOf } from "./effects.ts";
import { rowOf } from "./effects.ts";
import { startEnding } from "./ending.ts";
import type { ErrorCode } from "./errors.ts";
import type { Ended, EventOf } from "./events.ts";
import type { Moment } from "./moment.ts";
import { NO_MANAGER } from "./linger.ts";
import { judgeTerms, loginNotice } from "./notice.ts";
import { makePlan } from "./plan.ts";
import { refusal } from "./refusals.ts";
import { refusalOf, refuseLogin } from "./refusing.ts";
import type { Admitting, Allocated, Cgroup, Open, Opening, Preparing, Session, View } from "./session.ts";
import { becomeOpen, savedOf, standingView } from "./session.ts";
import { ADMITTING, PREPARING } from "./stages.ts";
import type { Next, State } from "./state.ts";
import { chain, put, stay } from "./state.ts";
import type { SessionSubject } from "./subject.ts";
import { subjectOf } from "./subject.ts";
import { contextOf, effectAfter, isStageOf, learnFrom } from "./way.ts";
import { matchesAny } from "./wildcards.ts";

type Requested = EventOf<"open-requested">;

/** Handles OpenSession. */
export function open(state: State, event: Requested): Next {
  const { id, account, leaderPid, service, call } = event;
  const verdict = judgeLogin(state.config, event, [...state.sessions.values()], state.loginSwitch);
  const outer = findOuter(state, event.leaderCgroup);
  const subject: SessionSubject = {
    of: "session",
    id,
    user: account.user,
    uid: account.uid,
    leader: leaderPid,
    service,
  };
  const refuse = (reason: string) => stay(state, { kind: "refuse", subject, call, code: "Refused", reason });
  switch (verdict.kind) {
    case "refused":
      return endLease(refuse(verdict.reason), event);
    case "again":
      return admitAgain(state, verdict.session, call);
    case "admitted":
      if (outer?.phase === "ending") return refuse(refusal("outerEnds"));
      return admit(state, event, verdict, outer);
    default:
      return verdict satisfies never;
  }
}

// A leased account's guest has accepted the terms already.
function admit(
  state: State,
  event: Requested,
  { config, lease }: Extract<Verdict, { readonly kind: "admitted" }>,
  outer: Session | undefined,
): Next {
  const { id, account, leaderPid: leader, service, call, now } = event;
  const terms = judgeTerms(lease?.acceptance === undefined ? state.notice.terms : undefined, event, now);
  const subject: SessionSubject = { of: "session", id, user: account.user, uid: account.uid, leader, service };
  if (terms.kind === "refused")
    return endLease(stay(state, { kind: "refuse", subject, call, code: "Refused", reason: terms.reason }), event);
  if (terms.kind === "ask")
    return stay(state, { kind: "answer", subject, call, answer: { kind: "terms", terms: terms.terms } });
  const notice = loginNotice(state.notice, service, event.tty);
  const told = { notice, acceptance: lease?.acceptance ?? terms.acceptance };
  return goOn(state, prepare(event, config, lease, outer, told), undefined, event);
}

// The leader has no view and may live on, so the lease is withdrawn at once.
function endLease(refused: Next, event: Requested): Next {
  const lease = [...refused.state.sessions.values()].find(
    ({ phase, leader, account }) =>
      phase === "allocated" &&
      leader.pid === event.leaderPid &&
      account.uid === event.account.uid &&
      account.user === event.account.user,
  );
  return lease?.phase === "allocated" && lease.cause === undefined
    ? chain(refused, (state) => startEnding(state, lease, "open-failed", event))
    : refused;
}

function admitAgain(state: State, session: Open, call: number): Next {
  const view = standingView(session);
  const answer =
    view === undefined
      ? ({ kind: "error", code: "Failed", reason: "This session has no view." } as const)
      : answerOpen(session.id, view);
  return stay(state, { kind: "answer", subject: subjectOf(session), call, answer });
}

function prepare(
  event: Requested,
  config: Config,
  lease: Allocated | undefined,
  outer: Session | undefined,
  told: Pick<Preparing, "notice" | "acceptance">,
): Preparing {
  const { account, service, tty, rhost } = event;
  const leased = lease !== undefined;
  return {
    phase: "opening",
    id: lease?.id ?? event.id,
    account: lease?.account ?? account,
    leased,
    published: lease?.published ?? false,
    service,
    tty,
    rhost,
    leader: lease?.leader ?? { pid: event.leaderPid, startTime: 0 },
    busName: event.leaderName,
    openedAt: event.now,
    openedUptime: event.uptime,
    plan: makePlan(config, { account, leased, service, tty, display: event.display }, event.facts),
    limits: config.Limits,
    cgroups: [],
    outer: leased ? undefined : outer?.id,
    ...told,
    hasRecord: lease?.hasRecord ?? false,
    call: event.call,
    endCalls: lease?.endCalls ?? [],
    view: undefined,
    cause: undefined,
  };
}

// su between guests moves the leader to other cgroups, but the new session still ends with the first.
function findOuter(state: State, cgroup: string): Session | undefined {
  const isInside = (path: string) => cgroup === path || cgroup.startsWith(`${path}/`);
  return [...state.sessions.values()].find(({ cgroups }) => cgroups.some(({ path }) => isInside(path)));
}

/**
 * Handles JoinSession of a user manager, which must not run outside the view (CVE-2017-8900). It may join if the UID
 * has a single view, until that session ends.
 */
export function join(state: State, { id, uid, call }: EventOf<"join-requested">): Next {
  const session = [...state.sessions.values()].find(({ account }) => account.uid === uid);
  const view = session?.leased === true ? joinableView(session) : undefined;
  if (session !== undefined && view !== undefined) {
    const subject = { ...subjectOf(session), service: "systemd-user" };
    return stay(state, { kind: "answer", subject, call, answer: answerOpen(session.id, view) });
  }
  const user = session?.account.user ?? "";
  const subject: SessionSubject = { of: "session", id, user, uid, leader: 0, service: "systemd-user" };
  const reason =
    session?.leased === true ? "This guest's session is not open: its user manager cannot join it." : NO_MANAGER;
  return stay(state, { kind: "refuse", subject, call, code: "NoSuchSession", reason });
}

// logind starts the user manager during the admission.
function joinableView(session: Session): View | undefined {
  if (session.phase === "open") return standingView(session);
  return session.phase === "opening" && session.cause === undefined ? session.view : undefined;
}

/** Handles a move of the leader by logind. */
export function addCgroup(state: State, session: Session, cgroup: Cgroup): Next {
  if (session.cgroups.some(({ inode }) => inode === cgroup.inode) || session.phase === "ending") return stay(state);
  const found: Session = { ...session, cgroups: [...session.cgroups, cgroup] };
  const subject = subjectOf(session);
  const limit: EffectOf<"limit-login"> = { kind: "limit-login", subject, cgroup, limits: session.limits };
  if (found.phase !== "open") return put(state, found, limit);
  // A session that is opening is recorded later.
  return put(state, found, limit, { kind: "write-record", subject, saved: savedOf(found) });
}

export function advanceOpening(state: State, before: Opening, event: Ended): Next {
  const { kind } = event.effect;
  const isOwn = isAdmitting(before)
    ? isStageOf(ADMITTING, before, event.effect)
    : isStageOf(PREPARING, before, event.effect);
  if (!isOwn) return stay(state);
  if (event.kind === "effect-failed" && rowOf(kind).fails !== "go-on") {
    const { code, reason } = refusalOf(event);
    return failOpening(state, before, code, reason, event);
  }
  const session = isAdmitting(before) ? learnFrom(ADMITTING, before, event) : learnFrom(PREPARING, before, event);
  return goOn(state, session, kind, event);
}

const isAdmitting = (session: Opening): session is Admitting => session.view !== undefined;

function goOn(state: State, session: Opening, last: EffectKind | undefined, moment: Moment): Next {
  const context = contextOf(moment);
  if (!isAdmitting(session)) {
    const effect = effectAfter(PREPARING, session, last, context);
    return interrupt(state, session, moment) ?? put(state, session, ...(effect === undefined ? [] : [effect]));
  }
  const effect = effectAfter(ADMITTING, session, last === "build-view" ? undefined : last, context);
  if (effect === undefined) return finishOpening(state, session, moment);
  // The guest is in: the session ends like any other.
  const isIn = effect.kind === "announce-opened";
  return (isIn ? undefined : interrupt(state, session, moment)) ?? put(state, session, effect);
}

// The end was requested meanwhile.
function interrupt(state: State, session: Opening, moment: Moment): Next | undefined {
  if (session.cause === undefined) return undefined;
  return session.cause === "leader-exited"
    ? failOpening(state, session, "LeaderGone", refusal("hungUp"), moment)
    : failOpening(state, session, "Refused", refusal("ended"), moment);
}

function finishOpening(state: State, session: Admitting, moment: Moment): Next {
  const { cause } = session;
  const opened = becomeOpen(session);
  if (cause !== undefined) return startEnding(state, opened, cause, moment);
  if (!opened.leased) return put(state, opened, checkRulesOf(opened));
  // Some greeters lock the screen.
  const isListed = opened.published && matchesAny(state.config?.Guests.Unlock ?? [], opened.service);
  return put(state, opened, ...(isListed ? [listAccountOf(opened)] : []));
}

const listAccountOf = (session: Open): EffectOf<"list-account"> => ({
  kind: "list-account",
  subject: subjectOf(session),
});

const checkRulesOf = (session: Open): EffectOf<"check-rules"> => {
  const { account, service, plan } = session;
  return { kind: "check-rules", subject: subjectOf(session), account, service, plan };
};

/**
 * Refuses the login, and ends what exists of the session. The end kills all processes of the user, so a leased account
 * keeps its session until the leader exits.
 */
function failOpening(state: State, session: Opening, code: ErrorCode, reason: string, moment: Moment): Next {
  const refuse = refuseLogin(session, code, reason);
  if (session.leased && session.cause === undefined) {
    const { busName: _name, call: _answered, notice: _untold, ...rest } = session;
    return put(state, { ...rest, phase: "allocated", leased: true, cause: "open-failed" }, refuse);
  }
  const ending = startEnding(state, session, session.cause ?? "open-failed", moment);
  return { ...ending, effects: [refuse, ...ending.effects] };
}
