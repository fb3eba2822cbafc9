// Whether a guest may log in now, and as which account. Pure: decides from plain values, as doas' permit() does.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import { findAccountFault } from "./account.ts";
import { autologinInstead } from "./ghost-rules.ts";
import { refusal } from "./refusals.ts";
import type { LoginSwitch } from "./switch.ts";
import { describeOff } from "./switch.ts";
import { isLeasable } from "./lease.ts";
import type { OpeningOrigin, Origin } from "./origin.ts";
import { findOriginFault, isLocal } from "./origin.ts";
import type { Allocated, Open, Session } from "./session.ts";
import { matchesAny } from "./wildcards.ts";

/** Who asks to log in, and how. */
export interface Login extends OpeningOrigin {
  readonly account: Account;
  readonly service: string;
  /** PID of the leader; 0 in an explanation. */
  readonly leaderPid: number;
  /** systemd asks, for a service with PAMName=. The leader becomes the program of that service. */
  readonly startsService: boolean;
}

export type Verdict =
  /** `lease`: the session that the account was leased for; undefined for a shared account. */
  | { readonly kind: "admitted"; readonly config: Config; readonly lease: Allocated | undefined }
  /** The leader has this session already: its stack names pam_guest twice. */
  | { readonly kind: "again"; readonly session: Open }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Decides on a login.
 * @param config undefined while the configuration has errors; then no guest may log in
 * @param loginSwitch must be on, too
 * @returns the verdict; the reason of a refusal is a sentence for the guest
 */
export function judgeLogin(
  config: Config | undefined,
  login: Login,
  sessions: readonly Session[],
  loginSwitch: LoginSwitch,
): Verdict {
  const broken = findOutage(config, loginSwitch);
  if (config === undefined || broken !== undefined) return refuse(broken ?? "");
  const fault = findAccountFault(login.account);
  if (fault !== undefined) return refuse(fault);
  if (config.View.Hide.some(({ path }) => path === login.account.home)) {
    return refuse(refusal("hiddenHome"));
  }
  if (matchesAny(config.Guests.RefuseServices, login.service)) {
    return refuse(refusal("service", { service: login.service }));
  }
  const own = sessions.find(
    ({ leader, phase }) => leader.pid === login.leaderPid && (phase === "opening" || phase === "open"),
  );
  if (own !== undefined) {
    return own.phase === "open" && own.account.uid === login.account.uid
      ? { kind: "again", session: own }
      : refuse(refusal("alreadyOpen"));
  }
  return isLeaseUid(config, login.account.uid, sessions)
    ? judgeLeased(config, login, sessions)
    : judgeShared(config, login, sessions);
}

// LeaseRange= may have changed since the account was leased.
const isLeaseUid = (config: Config, uid: number, sessions: readonly Session[]): boolean =>
  isLeasable(config.Guests.LeaseRange, uid) || sessions.some(({ leased, account }) => leased && account.uid === uid);

// A leased account is only for the process that got it, and for one session.
function judgeLeased(config: Config, login: Login, sessions: readonly Session[]): Verdict {
  const { account, leaderPid } = login;
  const lease = sessions.find(
    (session) => session.leased && session.account.uid === account.uid && session.account.user === account.user,
  );
  const { user } = account;
  if (lease === undefined) return refuse(refusal("reservedUid", { user }));
  if (!isWaiting(lease, leaderPid)) return refuse(refusal("othersAccount", { user, ghost: config.Guests.Ghost }));
  const fault = findOriginFault(config, login);
  if (fault !== undefined) return refuse(fault);
  return isFull(config, sessions) ? refuse(refusal("full")) : { kind: "admitted", config, lease };
}

// After a failed login its account cannot be used again.
const isWaiting = (session: Session, pid: number): session is Allocated =>
  session.phase === "allocated" && session.cause === undefined && session.leader.pid === pid;

function judgeShared(config: Config, login: Login, sessions: readonly Session[]): Verdict {
  const { Ghost } = config.Guests;
  // No process changes its own PID namespace. The program would stay in the host's, and could signal
  // the account's other sessions.
  if (login.startsService) return refuse(refusal("sharedService", { user: login.account.user }));
  // Judges by the service alone: a program that names its terminal late, or not, would continue as the ghost itself.
  if (login.account.user === Ghost && login.rhost === "" && leasesThrough(config, login.service)) {
    return refuse(refusal("unleased", { ghost: Ghost, instead: autologinInstead(Ghost) }));
  }
  if (isFull(config, sessions)) return refuse(refusal("full"));
  const { user, uid } = login.account;
  if (listFull(config, sessions).some((account) => account.uid === uid))
    return refuse(refusal("accountFull", { user }));
  return { kind: "admitted", config, lease: undefined };
}

/** The accounts that can have no further session. Sessions that are ending count. */
export function listFull(
  { Guests: { MaxSessionsPerUser } }: Config,
  sessions: readonly Session[],
): readonly Session["account"][] {
  if (MaxSessionsPerUser === 0) return [];
  const counts = new Map<number, number>();
  for (const { account } of sessions) counts.set(account.uid, (counts.get(account.uid) ?? 0) + 1);
  const full = sessions.filter(
    ({ account, leased }) => !leased && (counts.get(account.uid) ?? 0) >= MaxSessionsPerUser,
  );
  return [...new Map(full.map(({ account }) => [account.uid, account])).values()];
}

/** What PAM asks before it asks for a password. */
export interface Authentication extends Origin {
  readonly user: string;
  readonly service: string;
  readonly leaderPid: number;
}

export type AuthenticationVerdict =
  | { readonly kind: "lease"; readonly config: Config }
  /** The leader has an account already, and asks again. */
  | { readonly kind: "again"; readonly session: Allocated }
  | { readonly kind: "unlocked" | "ignored" }
  | { readonly kind: "refused"; readonly reason: string };

/** Decides who logs in without a password: the ghost, through a local service; and a guest at the locked screen. */
export function judgeAuthentication(
  config: Config | undefined,
  asked: Authentication,
  sessions: readonly Session[],
  loginSwitch: LoginSwitch,
): AuthenticationVerdict {
  // Guests who are logged in can unlock the screen even if new guests are refused.
  if (config !== undefined && mayUnlock(config, asked, sessions)) return { kind: "unlocked" };
  const broken = findOutage(config, loginSwitch);
  if (config === undefined || broken !== undefined) return { kind: "refused", reason: broken ?? "" };
  const own = sessions.find((session) => isWaiting(session, asked.leaderPid));
  if (own !== undefined && (asked.user === own.account.user || asked.user === config.Guests.Ghost))
    return { kind: "again", session: own };
  if (sessions.some(({ leader, phase }) => phase === "allocating" && leader.pid === asked.leaderPid))
    return { kind: "refused", reason: refusal("alreadyLeased") };
  if (asked.user !== config.Guests.Ghost) return { kind: "ignored" };
  if (!leasesThrough(config, asked.service) || !isLocal(config, asked)) return { kind: "ignored" };
  return isFull(config, sessions) ? { kind: "refused", reason: refusal("full") } : { kind: "lease", config };
}

function mayUnlock(
  { Guests }: Config,
  { user, service, rhost }: Authentication,
  sessions: readonly Session[],
): boolean {
  return (
    rhost === "" &&
    matchesAny(Guests.Unlock, service) &&
    sessions.some(({ leased, phase, account }) => leased && phase === "open" && account.user === user)
  );
}

/** Programs that ignore a changed PAM_USER. They would be the ghost in the session of a leased account. */
const KEEPING_ACCOUNT = ["sshd", "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "cron", "crond", "atd"];

/** Whether the ghost gets a leased account through this service: one whose program accepts a changed PAM_USER. */
export function leasesThrough({ Guests }: Config, service: string): boolean {
  const isRefused = KEEPING_ACCOUNT.includes(service) || matchesAny(Guests.RefuseServices, service);
  return matchesAny(Guests.Passwordless, service) && !isRefused;
}

function isFull({ Guests: { MaxSessions } }: Config, sessions: readonly Session[]): boolean {
  return MaxSessions > 0 && sessions.filter(hasGuest).length >= MaxSessions;
}

// An account that waits at a greeter has no guest yet and does not count, nor does one that
// was withdrawn before its login.
function hasGuest(session: Session): boolean {
  if (session.phase === "allocating" || session.phase === "allocated") return false;
  return session.phase !== "ending" || session.cause !== "never-opened";
}

// Why no guest may log in; undefined if guests may.
const NEVER_SAID: LoginSwitch = { enabled: false, reason: "" };

function findOutage(config: Config | undefined, loginSwitch: LoginSwitch): string | undefined {
  if (config === undefined) return refusal("misconfigured");
  if (!config.Guests.Enabled) return describeOff(NEVER_SAID);
  return loginSwitch.enabled ? undefined : describeOff(loginSwitch);
}

const refuse = (reason: string): Verdict => ({ kind: "refused", reason });
