// What a login would get, by the same decisions and plan.
import type { Account } from "./account.ts";
import { judgeAuthentication, judgeLogin } from "./admission.ts";
import type { Named } from "./display-managers.ts";
import { ofService } from "./display-managers.ts";
import { leasedHome, pickUid } from "./lease.ts";
import { asksForTerms } from "./notice.ts";
import { refusal } from "./refusals.ts";
import type { PlanFacts } from "./plan.ts";
import type { OpeningOrigin } from "./origin.ts";
import { findOriginFault } from "./origin.ts";
import { makePlan, sharesHostIpc } from "./plan.ts";
import type { State } from "./state.ts";
import type { Step } from "./steps.ts";
import { countMapped, findMapFault, formatRange } from "./uid-map.ts";

export interface Explanation {
  /** "ignored": the account is not in the group of guests. */
  readonly verdict: "ignored" | "refused" | "admitted";
  readonly reason: string;
  readonly leased: boolean;
  /** Of a login that policy admits. */
  readonly plan: readonly Step[];
  /** What may turn out differently, as sentences. */
  readonly warnings: readonly string[];
}

/** Why no account can be leased. Follows a colon. */
export const NSCD_FAULT =
  'nscd caches accounts and does not know a leased one; set "enable-cache passwd no" in /etc/nscd.conf, then restart nscd';

const NOTHING = { leased: false, plan: [], warnings: [] } as const;

/** A login that is refused before there is a plan. */
export const REFUSED: Explanation = { ...NOTHING, verdict: "refused", reason: "" };

/** Refuses what policy admits and the machine does not. */
export const refuseFor = (explanation: Explanation, fault: string): Explanation => ({
  ...explanation,
  verdict: "refused",
  reason: `${fault.charAt(0).toUpperCase()}${fault.slice(1)}.`,
});

export interface ExplainedLogin {
  readonly account: Account;
  /** It is in the group of guests. */
  readonly member: boolean;
  readonly service: string;
}

export type Judging = Pick<State, "config" | "notice" | "loginSwitch" | "sessions" | "pool" | "uidMap" | "walk">;

/** Explains a login through this PAM service, on this machine. */
export function explainLogin(state: Judging, login: ExplainedLogin, facts: PlanFacts): Explanation {
  const explanation = judgeExplained(state, login, facts);
  const { verdict, leased, reason } = explanation;
  if (verdict !== "admitted" || state.notice.terms === undefined) return explanation;
  if (!canAccept(login.service, leased)) return { ...NOTHING, verdict: "refused", reason: refusal("termsUnanswered") };
  return { ...explanation, reason: `${reason} The terms of use have to be accepted first.` };
}

/** Whether the service can ask: the ghost during authentication, others when the session opens. */
function canAccept(service: string, leased: boolean): boolean {
  if (!asksForTerms(service)) return false;
  return leased || !(service === "sshd" || ofService(service) !== undefined);
}

function judgeExplained(state: Judging, login: ExplainedLogin, facts: PlanFacts): Explanation {
  const { config, loginSwitch } = state;
  const sessions = [...state.sessions.values()];
  const { account, member, service } = login;
  if (config !== undefined && !member) {
    const reason = `${account.user} is not in the group ${config.Guests.Group}: guestd has nothing to do with this login.`;
    return { ...NOTHING, verdict: "ignored", reason };
  }
  const { firstTty, display, ...origin } = originOf(service);
  const asked = { ...origin, user: account.user, service, tty: firstTty, leaderPid: 0 };
  const authentication = judgeAuthentication(config, asked, sessions, loginSwitch);
  if (authentication.kind === "refused") return { ...NOTHING, verdict: "refused", reason: authentication.reason };
  if (authentication.kind === "lease") {
    const fault = findOriginFault(authentication.config, origin);
    if (fault !== undefined) return { ...NOTHING, verdict: "refused", reason: fault };
    return explainLease({ ...state, config: authentication.config }, login, facts);
  }
  const opening = { ...origin, account, service, leaderPid: 0, startsService: false };
  const verdict = judgeLogin(config, opening, sessions, loginSwitch);
  if (verdict.kind !== "admitted")
    return { ...NOTHING, verdict: "refused", reason: verdict.kind === "refused" ? verdict.reason : "" };
  const plan = makePlan(verdict.config, { account, leased: false, service, tty: origin.tty, display }, facts);
  return {
    ...NOTHING,
    verdict: "admitted",
    reason: `${account.user} gets a view of its own, apart from other sessions of this account.`,
    plan,
  };
}

/** What the program tells PAM on the first seat. */
type ExplainedOrigin = OpeningOrigin & Named;

function originOf(service: string): ExplainedOrigin {
  const tty = service === "sshd" ? "ssh" : "/dev/tty1";
  const manager = ofService(service);
  if (manager === undefined) return { firstTty: tty, tty, display: "", rhost: "", seat: "", leaderCgroup: "" };
  return { ...manager.named, rhost: "", seat: "seat0", leaderCgroup: `/system.slice/${manager.units[0]}` };
}

const SAMPLE_NAME = "guest-xxxx";
export const SAMPLE_HOME = leasedHome(SAMPLE_NAME);

type Leasing = Judging & { readonly config: NonNullable<Judging["config"]> };

function explainLease(state: Leasing, { account: ghost, service }: ExplainedLogin, facts: PlanFacts): Explanation {
  const { config, pool, uidMap } = state;
  const { LeaseRange, Shell } = config.Guests;
  const taken = new Set([...[...state.sessions.values()].map(({ account }) => account.uid), ...state.walk.uids]);
  const uid = pickUid(LeaseRange, pool, taken, uidMap);
  if (uid === undefined) return { ...NOTHING, verdict: "refused", reason: describeUsedUp(state) };
  const account = {
    user: SAMPLE_NAME,
    uid,
    gid: ghost.gid,
    home: SAMPLE_HOME,
    shell: Shell,
  };
  const { tty, display } = originOf(service);
  const login = { account, leased: true, service, tty, display };
  const ipc = sharesHostIpc(login)
    ? " It shares System V IPC with the host, as its display server does."
    : " Its System V IPC and message queues are its own.";
  const reason = `${ghost.user} gets a leased account, such as ${SAMPLE_NAME} with uid ${uid}, without a password, and a view of its own.${ipc}`;
  return { ...NOTHING, verdict: "admitted", reason, leased: true, plan: makePlan(config, login, facts) };
}

function describeUsedUp({ config, uidMap }: Leasing): string {
  const { LeaseRange } = config.Guests;
  if (countMapped(LeaseRange, uidMap) === 0) return findMapFault(LeaseRange, uidMap) ?? refusal("unmapped");
  return (
    `All guest accounts are in use: no uid of LeaseRange=${formatRange(LeaseRange)} is free. ` +
    '"guestctl leases" says what each of them waits for; a larger LeaseRange= has more.'
  );
}
