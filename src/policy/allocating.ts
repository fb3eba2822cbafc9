// How a login as the ghost gets an account. The session begins here.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import { judgeAuthentication } from "./admission.ts";
import { answerAllocate } from "./answer.ts";
import type { EffectKind } from "./effects.ts";
import { startEnding } from "./ending.ts";
import type { ErrorCode } from "./errors.ts";
import type { Ended, EventOf } from "./events.ts";
import { isDone } from "./events.ts";
import {
  leasedHome,
  leasedRealName,
  makeLeaseName,
  pickUid,
  quarantineUid,
  shareAfterForeign,
  takeUid,
} from "./lease.ts";
import type { Moment } from "./moment.ts";
import type { Acceptance } from "./notice.ts";
import { judgeTerms } from "./notice.ts";
import { refusal } from "./refusals.ts";
import { refusalOf, refuseLogin } from "./refusing.ts";
import type { Allocated, Allocating } from "./session.ts";
import { ALLOCATING } from "./stages.ts";
import type { Next, State } from "./state.ts";
import { put, stay } from "./state.ts";
import type { SessionSubject } from "./subject.ts";
import { subjectOf } from "./subject.ts";
import { countMapped } from "./uid-map.ts";
import type { Way } from "./way.ts";
import { contextOf, effectAfter, isStageOf, learnFrom } from "./way.ts";

const WAY: Way<Allocating> = ALLOCATING;

/** How many names are tried. If each has a home already, some program creates them. */
const MOST_NAMES = 3;

type Requested = EventOf<"allocate-requested">;

/** Handles AllocateAccount: PAM asks whether a name needs a password. */
export function allocate(state: State, event: Requested): Next {
  const { id, user, leaderPid: leader, service, call } = event;
  const verdict = judgeAuthentication(state.config, event, [...state.sessions.values()], state.loginSwitch);
  const subject: SessionSubject = { of: "session", id, user, uid: 0, leader, service };
  const refuse = (reason: string) => stay(state, { kind: "refuse", subject, call, code: "Refused", reason });
  switch (verdict.kind) {
    case "refused":
      return refuse(verdict.reason);
    case "ignored":
    case "unlocked":
      return stay(state, {
        kind: "answer",
        subject,
        call,
        answer: { kind: "allocated", allocation: { verdict: verdict.kind } },
      });
    case "again": {
      const { session } = verdict;
      return stay(state, {
        kind: "answer",
        subject: subjectOf(session),
        call,
        answer: answerAllocate(session.account.user),
      });
    }
    case "lease": {
      const terms = judgeTerms(state.notice.terms, event, event.now);
      if (terms.kind === "refused") return refuse(terms.reason);
      if (terms.kind === "ask")
        return stay(state, { kind: "answer", subject, call, answer: { kind: "terms", terms: terms.terms } });
      const { Group } = verdict.config.Guests;
      if (event.gid === undefined) return refuse(refusal("noGroup", { name: Group }));
      const account = makeAccount(state, verdict.config, event.gid, event.random);
      return account === undefined
        ? refuse(reasonFor(state, verdict.config))
        : lease(state, verdict.config, event, account, terms.acceptance);
    }
    default:
      return verdict satisfies never;
  }
}

const reasonFor = ({ uidMap }: State, { Guests }: Config): string =>
  countMapped(Guests.LeaseRange, uidMap) === 0 ? refusal("unmapped") : refusal("usedUp");

function makeAccount(
  { sessions, pool, uidMap, walk }: State,
  { Guests }: Config,
  gid: number,
  random: number,
  share = 0,
): Account | undefined {
  const leased = listAccounts(sessions);
  // The walk may still remove files of a UID that an administrator released.
  const taken = new Set([...leased.map((account) => account.uid), ...walk.uids]);
  const uid = pickUid(Guests.LeaseRange, pool, taken, uidMap, share);
  if (uid === undefined) return undefined;
  const user = makeLeaseName(random, new Set(leased.map((account) => account.user)));
  return { uid, gid, shell: Guests.Shell, ...nameLease(Guests, user) };
}

const nameLease = ({ GhostName }: Config["Guests"], user: string) => ({
  user,
  home: leasedHome(user),
  realName: leasedRealName(GhostName, user),
});

const listAccounts = (sessions: State["sessions"]) => [...sessions.values()].map(({ account }) => account);

function lease(
  state: State,
  config: Config,
  event: Requested,
  account: Account,
  acceptance: Acceptance | undefined,
): Next {
  const session: Allocating = {
    phase: "allocating",
    id: event.id,
    account,
    leased: true,
    published: false,
    service: event.service,
    tty: event.tty,
    rhost: event.rhost,
    leader: { pid: event.leaderPid, startTime: 0 },
    busName: event.leaderName,
    refusedNames: [],
    openedAt: event.now,
    openedUptime: event.uptime,
    plan: [],
    limits: config.Limits,
    cgroups: [],
    outer: undefined,
    acceptance,
    hasRecord: false,
    call: event.call,
    endCalls: [],
    view: undefined,
    cause: undefined,
  };
  return goOn({ ...state, pool: takeUid(state.pool, account.uid) }, session, undefined, event);
}

function goOn(state: State, session: Allocating, last: EffectKind | undefined, moment: Moment): Next {
  const effect = effectAfter(WAY, session, last, contextOf(moment));
  if (effect !== undefined) return put(state, session, effect);
  if (session.cause !== undefined) return startEnding(state, session, session.cause, moment);
  const { busName: _name, refusedNames: _names, call: _answered, cause: _none, ...rest } = session;
  const waiting: Allocated = { ...rest, phase: "allocated", cause: undefined };
  return put(state, waiting);
}

export function advanceAllocating(state: State, before: Allocating, event: Ended): Next {
  const { effect } = event;
  if (!isStageOf(WAY, before, effect)) return stay(state);
  if (event.kind === "effect-failed") {
    const { code, reason } = refusalOf(event);
    return failAllocating(state, before, code === "Failed" ? "Refused" : code, reason, event);
  }
  const session = learnFrom(WAY, before, event);
  const { taken, homeExists } = isDone(event, "publish-account") ? event.found : NOT_PUBLISHED;
  if (taken !== undefined) return leaseAnother(state, session, taken, event);
  return homeExists ? rename(state, session, event) : goOn(state, session, effect.kind, event);
}

/** What every other stage finds. */
const NOT_PUBLISHED = { taken: undefined, homeExists: false } as const;

// A user of the machine has the UID or name.
function leaseAnother(state: State, session: Allocating, owner: string, moment: Moment): Next {
  const { uid, gid } = session.account;
  const pool = quarantineUid(state.pool, uid, { reason: `it belongs to ${owner}`, user: "", foreign: true });
  const { config } = state;
  const share = shareAfterForeign(pool);
  const account = config === undefined ? undefined : makeAccount({ ...state, pool }, config, gid, uid, share);
  if (account === undefined) return failAllocating({ ...state, pool }, session, "Refused", refusal("usedUp"), moment);
  // Repeats all stages but the first.
  return goOn({ ...state, pool: takeUid(pool, account.uid) }, { ...session, account }, "watch-leader", moment);
}

// A PAM module above pam_guest would use that home. The end could not tell its files from the guest's.
function rename(state: State, session: Allocating, moment: Moment): Next {
  const { account } = session;
  const { config } = state;
  const refusedNames = [...session.refusedNames, account.user];
  if (refusedNames.length === MOST_NAMES || config === undefined)
    return failAllocating(state, session, "Refused", refusal("notReady"), moment);
  const names = listAccounts(state.sessions).map(({ user }) => user);
  const user = makeLeaseName(account.uid, new Set([...names, ...refusedNames]));
  const renamed = { ...session, account: { ...account, ...nameLease(config.Guests, user) }, refusedNames };
  return goOn(state, renamed, "watch-leader", moment);
}

function failAllocating(state: State, session: Allocating, code: ErrorCode, reason: string, moment: Moment): Next {
  const ending = startEnding(state, session, session.cause ?? "never-opened", moment);
  return { ...ending, effects: [refuseLogin(session, code, reason), ...ending.effects] };
}
