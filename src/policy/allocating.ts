// How somebody who logs in as the ghost gets an account: a session begins here, and waits for its login to go on.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import { judgeAuthentication } from "./admission.ts";
import { startEnding } from "./ending.ts";
import type { ErrorCode } from "./errors.ts";
import type { AllocateRequested, Effect, Event } from "./events.ts";
import { makeLeaseName, pickUid, quarantineUid, takeUid } from "./lease.ts";
import { answerAllocate, subjectOf } from "./records.ts";
import type { Session } from "./session.ts";
import { NOTHING_FOUND } from "./receipt.ts";
import { ALLOCATING, allocatingEffect, stageAfter } from "./stages.ts";
import type { Next, State } from "./state.ts";
import { put, stay } from "./state.ts";

const USED_UP = "All guest accounts of this machine are in use. Please try again later.";

/** An AllocateAccount call: PAM has a name, and asks whether it needs a password. */
export function allocate(state: State, event: AllocateRequested): Next {
  const verdict = judgeAuthentication(state.config, event, [...state.sessions.values()], state.gate);
  const subject = { id: event.id, user: event.user, uid: 0, leader: event.leaderPid, service: event.service };
  const refuse = (reason: string) =>
    stay(state, { kind: "refuse", subject, call: event.call, code: "Refused", reason });
  switch (verdict.kind) {
    case "refused":
      return refuse(verdict.reason);
    case "ignored":
    case "unlocked":
      return stay(state, {
        kind: "answer",
        subject,
        call: event.call,
        answer: { kind: "allocated", allocation: { verdict: verdict.kind } },
      });
    case "again":
      return stay(state, {
        kind: "answer",
        subject: subjectOf(verdict.session),
        call: event.call,
        answer: answerAllocate(verdict.session),
      });
    case "lease": {
      if (event.gid === undefined)
        return refuse(
          `The group ${verdict.config.Guests.Group} does not exist. Please ask the administrator of this machine.`,
        );
      const account = makeAccount(state, verdict.config, event.gid, event.random);
      return account === undefined ? refuse(USED_UP) : lease(state, verdict.config, event, account);
    }
    default:
      return verdict satisfies never;
  }
}

function makeAccount({ sessions, pool }: State, { Guests }: Config, gid: number, random: number): Account | undefined {
  const leased = [...sessions.values()].map(({ account }) => account);
  const uid = pickUid(Guests.LeaseRange, pool, new Set(leased.map((account) => account.uid)));
  if (uid === undefined) return undefined;
  const user = makeLeaseName(random, new Set(leased.map((account) => account.user)));
  return { user, uid, gid, home: `/home/${user}`, shell: Guests.Shell, realName: Guests.GhostName };
}

function lease(state: State, config: Config, event: AllocateRequested, account: Account): Next {
  const session: Session = {
    id: event.id,
    account,
    leased: true,
    service: event.service,
    tty: event.tty,
    rhost: event.rhost,
    leader: { pid: event.leaderPid, startTime: 0 },
    openedAt: event.now,
    openedUptime: event.uptime,
    plan: [],
    limits: config.Limits,
    phase: "allocating",
    cgroups: [],
    pamClosed: false,
    openCall: event.call,
    endCalls: [],
    found: NOTHING_FOUND,
  };
  const taken = { ...state, pool: takeUid(state.pool, account.uid) };
  return put(taken, session, allocatingEffect(ALLOCATING[0], session, event.leaderName));
}

/** A stage of leasing is done: the next one. */
export function advanceAllocating(
  state: State,
  session: Session,
  { effect, outcome }: Event & { kind: "effect-done" },
): Next {
  const stage = stageAfter(ALLOCATING, effect.kind);
  if (stage === undefined) return put(state, session);
  if (outcome.taken !== undefined) return leaseAnother(state, session, outcome.taken);
  if (stage !== "done") return put(state, session, allocatingEffect(stage, session));
  const { openCall: _answered, ...rest } = session;
  const waiting: Session = { ...rest, phase: "allocated" };
  return waiting.cause === undefined ? put(state, waiting) : startEnding(state, waiting);
}

// The uid or the name is somebody's on this machine who knows nothing of guestd.
function leaseAnother(state: State, session: Session, taken: string): Next {
  const pool = quarantineUid(state.pool, session.account.uid, {
    reason: `it belongs to ${taken}`,
    user: "",
    foreign: true,
  });
  const { config } = state;
  const account =
    config === undefined
      ? undefined
      : makeAccount({ ...state, pool }, config, session.account.gid, session.account.uid);
  if (account === undefined) return failAllocating({ ...state, pool }, session, "Refused", USED_UP);
  const other: Session = { ...session, account };
  return put({ ...state, pool: takeUid(pool, account.uid) }, other, allocatingEffect("write-record", other));
}

/** The guest is told; what there is of the account already is taken back as at any other end. */
export function failAllocating(state: State, session: Session, code: ErrorCode, reason: string): Next {
  const ending = startEnding(state, { ...session, cause: session.cause ?? "never-opened" });
  const refuse: Effect = { kind: "refuse", subject: subjectOf(session), call: session.openCall ?? 0, code, reason };
  return { ...ending, effects: [refuse, ...ending.effects] };
}
