// The methods of org.guestd1.Manager, one row each. service.ts checks the caller; policy decides.
import type { Setting } from "../config/parse.ts";
import { GuestError } from "../policy/errors.ts";
import type { Answer } from "../policy/answer.ts";
import type { What } from "../policy/events.ts";
import { listLeases } from "../policy/lease-list.ts";
import type { PlanFacts } from "../policy/plan.ts";
import type { Receipt } from "../policy/receipt.ts";
import { isDirty } from "../policy/receipt.ts";
import { refusal } from "../policy/refusals.ts";
import type { Session } from "../policy/session.ts";
import type { State } from "../policy/state.ts";
import type { Explanation } from "../policy/explain.ts";
import type { LoginCheck } from "../policy/login-check.ts";
import { within } from "../wait.ts";
import type { PendingCalls } from "./pending.ts";
import {
  wireAllocation,
  wireExplanation,
  wireLease,
  wireLoginCheck,
  wireOpenReply,
  readAllocateRequest,
  readSwitch,
  wireTerms,
  readOpenRequest,
  wireReceipt,
  wireSessionDetails,
  wireSession,
} from "./wire.ts";
import type { Method } from "./service.ts";
import { field, toPlain } from "./values.ts";

export interface MethodParts {
  readonly version: string;
  readonly state: () => State;
  readonly dispatch: (what: What) => void;
  readonly pending: PendingCalls;
  readonly newId: () => string;
  readonly random: () => number;
  readonly cgroupOf: (pid: number) => string;
  /** PIDs in the cgroups of a session, without its reaper. */
  readonly listProcesses: (session: Session) => readonly number[];
  /** Whether a child of systemd has not yet executed its service. */
  readonly startsService: (pid: number) => boolean;
  readonly gatherFacts: (pid: number, home: string) => PlanFacts;
  readonly findGid: () => Promise<number | undefined>;
  readonly explain: (user: string, service: string) => Promise<Explanation>;
  /** Whether the ghost could log in, as of the last minute. */
  readonly checkLogins: () => Promise<LoginCheck>;
  readonly configuration: {
    readonly settings: readonly Setting[];
    /** Of the last load. */
    readonly errors: readonly string[];
    /** Which settings apply while there are errors. */
    readonly fallback: string;
    /** @returns the errors */
    readonly load: () => readonly string[];
  };
  /** Into the language of the machine. */
  readonly translate: (sentence: string) => string;
  /** `list` has the newest first. */
  readonly receipts: {
    readonly list: () => Promise<readonly Receipt[]>;
    readonly find: (id: string) => Receipt | undefined;
  };
}

export function makeMethods(parts: MethodParts): Method[] {
  return [...authenticationMethods(parts), ...sessionMethods(parts), ...adminMethods(parts), ...readMethods(parts)];
}

const row = (name: string, input: string, output: string, handle: Method["handle"]): Method => ({
  name,
  input,
  output,
  handle,
});

function authenticationMethods({
  dispatch,
  pending,
  newId,
  random,
  findGid,
  cgroupOf,
  state,
  translate,
}: MethodParts): Method[] {
  return [
    row("AllocateAccount", "a{sv}", "a{sv}", async ([argument], caller, since) => {
      const request = readAllocateRequest(argument);
      // Only the ghost needs no password.
      const gid = request.user === state().config?.Guests.Ghost ? await findGid() : undefined;
      const { call, answer } = pending.add();
      const { pid } = caller;
      const leader = { leaderPid: pid, leaderName: caller.name, leaderCgroup: cgroupOf(pid) };
      const id = newId();
      dispatch({ kind: "allocate-requested", id, call, ...request, ...leader, gid, random: random() });
      const answered = await answerInTime(answer, since, () => {
        dispatch({ kind: "call-expired", id });
      });
      if (answered.kind === "terms") return [{ verdict: field("s", "terms"), ...wireTerms(answered.terms) }];
      if (answered.kind !== "allocated") throw refused(answered, translate);
      return [wireAllocation(answered.allocation)];
    }),
  ];
}

function sessionMethods(parts: MethodParts): Method[] {
  const { dispatch, pending, newId, cgroupOf, startsService, gatherFacts, listProcesses, state, translate } = parts;
  return [
    row("OpenSession", "a{sv}", "a{sv}", async ([argument], caller, since) => {
      const request = readOpenRequest(argument);
      const facts = gatherFacts(caller.pid, request.account.home);
      const { call, answer } = pending.add();
      const { pid } = caller;
      const of = { leaderCgroup: cgroupOf(pid), startsService: startsService(pid) };
      const id = newId();
      dispatch({ kind: "open-requested", id, call, ...request, leaderPid: pid, leaderName: caller.name, ...of, facts });
      return opened(
        await answerInTime(answer, since, () => {
          dispatch({ kind: "call-expired", id });
        }),
        translate,
      );
    }),
    row("JoinSession", "u", "a{sv}", async ([uid]) => {
      const { call, answer } = pending.add();
      dispatch({ kind: "join-requested", id: newId(), call, uid: Number(uid) });
      return opened(await answer, translate);
    }),
    row("CloseSession", "s", "", async ([id], caller) => {
      const session = state().sessions.get(String(id));
      const running = session === undefined ? [] : listProcesses(session);
      dispatch({ kind: "close-hinted", id: String(id), leaderPid: caller.pid, running });
      return Promise.resolve([]);
    }),
  ];
}

function adminMethods({ dispatch, pending, configuration }: MethodParts): Method[] {
  return [
    row("EndSession", "s", "a{sv}", async ([id]) => {
      const { call, answer } = pending.add();
      dispatch({ kind: "end-requested", id: String(id), call });
      const ended = await answer;
      if (ended.kind !== "ended") throw failed(ended);
      return [wireReceipt(ended.receipt)];
    }),
    row("ReleaseLease", "u", "", async ([uid]) => {
      const { call, answer } = pending.add();
      dispatch({ kind: "release-requested", uid: Number(uid), call });
      const released = await answer;
      if (released.kind !== "released") throw failed(released);
      return [];
    }),
    row("SetEnabled", "bs", "", async ([enabled, reason]) => {
      const loginSwitch = readSwitch(enabled, reason);
      const { call, answer } = pending.add();
      dispatch({ kind: "switch-requested", loginSwitch, call });
      const switched = await answer;
      if (switched.kind !== "switched") throw failed(switched);
      return [];
    }),
    row("Reload", "", "", async () => {
      const errors = configuration.load();
      if (errors.length > 0)
        throw new GuestError(
          "Failed",
          `The configuration has errors; ${configuration.fallback}.\n${errors.join("\n")}`,
        );
      return Promise.resolve([]);
    }),
  ];
}

function readMethods({ version, state, receipts, explain, checkLogins, configuration }: MethodParts): Method[] {
  const list = async (failedOnly: unknown) =>
    (await receipts.list()).filter((receipt) => failedOnly !== true || isDirty(receipt)).map(wireReceipt);
  return [
    row("ListSessions", "", "aa{sv}", async () => Promise.resolve([[...state().sessions.values()].map(wireSession)])),
    row("GetSession", "s", "a{sv}", async ([id]) => {
      const session = state().sessions.get(String(id));
      if (session === undefined) throw new GuestError("NoSuchSession", `There is no session ${String(id)}.`);
      return Promise.resolve([wireSessionDetails(session)]);
    }),
    row("ListLeases", "", "aa{sv}", async () => Promise.resolve([listLeases(state()).map(wireLease)])),
    row("ListReceipts", "b", "aa{sv}", async ([failedOnly]) => [await list(failedOnly)]),
    row("DescribeReceipts", "b", "s", async ([failedOnly]) => [JSON.stringify(toPlain(await list(failedOnly)))]),
    row("GetReceipt", "s", "a{sv}", async ([id]) => {
      const receipt = receipts.find(String(id));
      if (receipt === undefined)
        throw new GuestError(
          "NoSuchReceipt",
          `There is no receipt of session ${String(id)}; "guestctl receipts" shows those that are kept.`,
        );
      return Promise.resolve([wireReceipt(receipt)]);
    }),
    row("ExplainLogin", "ss", "a{sv}", async ([user, service]) => {
      return [wireExplanation(await explain(String(user), String(service)))];
    }),
    row("CheckLogins", "", "a{sv}", async () => [wireLoginCheck(await checkLogins())]),
    row("GetStatus", "", "a{sv}", async () => {
      const { config, sessions, loginSwitch } = state();
      const status = {
        version: field("s", version),
        sessions: field("u", sessions.size),
        enabled: field("b", (config?.Guests.Enabled ?? false) && loginSwitch.enabled),
        switch: field("b", loginSwitch.enabled),
        reason: field("s", loginSwitch.reason),
        errors: field("as", [...configuration.errors]),
      };
      return Promise.resolve([status]);
    }),
    row("GetConfig", "", "a(ssss)", async () =>
      Promise.resolve([configuration.settings.map(({ section, key, value, origin }) => [section, key, value, origin])]),
    ),
  ];
}

/** pam_guest waits 5 s from the start of its call. */
const ANSWER_LIMIT_MS = 4500;
const LATE: Answer = {
  kind: "error",
  code: "Failed",
  reason: refusal("late"),
};

function answerInTime(answer: Promise<Answer>, since: number, onLate: () => void): Promise<Answer> {
  return within(answer, since + ANSWER_LIMIT_MS - performance.now(), () => {
    onLate();
    return LATE;
  });
}

function opened(answer: Answer, translate: Translate): readonly unknown[] {
  if (answer.kind === "terms") return [wireTerms(answer.terms)];
  if (answer.kind !== "opened") throw refused(answer, translate);
  return [wireOpenReply(answer.reply)];
}

type Translate = MethodParts["translate"];

const refused = (answer: Answer, translate: Translate): Error =>
  failed(answer.kind === "error" ? { ...answer, reason: translate(answer.reason) } : answer);

function failed(answer: Answer): Error {
  return answer.kind === "error"
    ? new GuestError(answer.code, answer.reason)
    : new Error(`unexpected answer: ${answer.kind}`);
}
