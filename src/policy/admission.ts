// Whether a guest may log in now, and as which account. Pure, as doas' permit() is.
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

export interface Login extends OpeningOrigin {
  readonly account: Account;
  readonly service: string;
  /** 0 in an explanation. */
  readonly leaderPid: number;
  /** systemd asks for a service with PAMName=. The leader becomes its program. */
  readonly startsService: boolean;
}

export type Verdict =
  /** `lease` is undefined for a shared account. */
  | { readonly kind: "admitted"; readonly config: Config; readonly lease: Allocated | undefined }
  /** The leader has this session: its stack names pam_guest twice. */
  | { readonly kind: "again"; readonly session: Open }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * @param config undefined if it has errors: no guest may log in
 * @returns the verdict; a refusal's reason is a sentence for the guest
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

// LeaseRange= may have changed since.
const isLeaseUid = (config: Config, uid: number, sessions: readonly Session[]): boolean =>
  isLeasable(config.Guests.LeaseRange, uid) || sessions.some(({ leased, account }) => leased && account.uid === uid);

// A leased account is for one session of the process that got it.
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

// After a failed login the account cannot be used again.
const isWaiting = (session: Session, pid: number): session is Allocated =>
  session.phase === "allocated" && session.cause === undefined && session.leader.pid === pid;

function judgeShared(config: Config, login: Login, sessions: readonly Session[]): Verdict {
  const { Ghost } = config.Guests;
  // A process cannot change its PID namespace. In the host's, it could signal the account's other sessions.
  if (login.startsService) return refuse(refusal("sharedService", { user: login.account.user }));
  // Judges by service alone: a program that names its terminal late, or never, would continue as the ghost.
  if (login.account.user === Ghost && login.rhost === "" && leasesThrough(config, login.service)) {
    return refuse(refusal("unleased", { ghost: Ghost, instead: autologinInstead(Ghost) }));
  }
  if (isFull(config, sessions)) return refuse(refusal("full"));
  const { user, uid } = login.account;
  if (listFull(config, sessions).some((account) => account.uid === uid))
    return refuse(refusal("accountFull", { user }));
  return { kind: "admitted", config, lease: undefined };
}

/** Returns accounts that can have no more sessions. Ending ones count. */
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

/** What PAM asks before the password. */
export interface Authentication extends Origin {
  readonly user: string;
  readonly service: string;
  readonly leaderPid: number;
}

export type AuthenticationVerdict =
  | { readonly kind: "lease"; readonly config: Config }
  /** The leader has an account, and asks again. */
  | { readonly kind: "again"; readonly session: Allocated }
  | { readonly kind: "unlocked" | "ignored" }
  | { readonly kind: "refused"; readonly reason: string };

/** Decides who needs no password: the ghost in a local service, and a guest at the locked screen. */
export function judgeAuthentication(
  config: Config | undefined,
  asked: Authentication,
  sessions: readonly Session[],
  loginSwitch: LoginSwitch,
): AuthenticationVerdict {
  // Guests can unlock even while new guests are refused.
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

/** Programs that ignore a changed PAM_USER. They would run as the ghost in a leased session. */
const KEEPING_ACCOUNT = ["sshd", "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "cron", "crond", "atd"];

/** Whether the ghost gets a leased account through this service. Its program must accept a changed PAM_USER. */
export function leasesThrough({ Guests }: Config, service: string): boolean {
  const isRefused = KEEPING_ACCOUNT.includes(service) || matchesAny(Guests.RefuseServices, service);
  return matchesAny(Guests.Passwordless, service) && !isRefused;
}

function isFull({ Guests: { MaxSessions } }: Config, sessions: readonly Session[]): boolean {
  return MaxSessions > 0 && sessions.filter(hasGuest).length >= MaxSessions;
}

// An account at a greeter, or withdrawn before its login, has no guest.
function hasGuest(session: Session): boolean {
  if (session.phase === "allocating" || session.phase === "allocated") return false;
  return session.phase !== "ending" || session.cause !== "never-opened";
}

const NEVER_SAID: LoginSwitch = { enabled: false, reason: "" };

function findOutage(config: Config | undefined, loginSwitch: LoginSwitch): string | undefined {
  if (config === undefined) return refusal("misconfigured");
  if (!config.Guests.Enabled) return describeOff(NEVER_SAID);
  return loginSwitch.enabled ? undefined : describeOff(loginSwitch);
}

const refuse = (reason: string): Verdict => ({ kind: "refused", reason });
