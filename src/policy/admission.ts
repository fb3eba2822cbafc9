// Whether a guest may log in now. Pure: decides from plain values, as doas' permit() does.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import { findAccountFault } from "./account.ts";
import type { Session } from "./session.ts";

/** Who asks to log in, and through what. */
export interface Login {
  readonly account: Account;
  readonly service: string;
  /** Pid of the leader; 0 where none is meant (an explanation). */
  readonly leaderPid: number;
}

export type Verdict =
  | { readonly kind: "admitted"; readonly config: Config }
  /** The leader has this session already: a stack that names pam_guest twice. */
  | { readonly kind: "again"; readonly session: Session }
  | { readonly kind: "refused"; readonly reason: string };

const ASK = "Please ask the administrator of this machine.";

/**
 * Decides on a login.
 * @param config undefined while the configuration has errors: then no guest may log in
 * @returns the verdict; a refusal's reason is a sentence for the guest
 */
export function judgeLogin(config: Config | undefined, login: Login, sessions: readonly Session[]): Verdict {
  if (config === undefined) return refuse(`Guests cannot log in: the configuration of guestd has errors. ${ASK}`);
  if (!config.Guests.Enabled) return refuse(`Guest logins are switched off on this machine. ${ASK}`);
  const fault = findAccountFault(login.account);
  if (fault !== undefined) return refuse(`${fault} ${ASK}`);
  if (config.View.Hide.some(({ path }) => path === login.account.home)) {
    return refuse(`This account's home directory is a place hidden from guests. ${ASK}`);
  }
  if (config.Guests.RefuseServices.some((pattern) => matchesService(pattern, login.service))) {
    return refuse(`Guests cannot use ${login.service}: what it runs would outlive the guest.`);
  }
  return judgeAgainst(config, login, sessions);
}

function judgeAgainst(config: Config, login: Login, sessions: readonly Session[]): Verdict {
  const own = sessions.find((session) => session.leader.pid === login.leaderPid && session.phase !== "ending");
  if (own !== undefined) {
    const same = own.phase === "open" && own.account.uid === login.account.uid;
    return same ? { kind: "again", session: own } : refuse("This login has a guest session already. Please log in anew.");
  }
  const limit = config.Guests.MaxSessions;
  if (limit > 0 && sessions.length >= limit) {
    return refuse("As many guests as this machine allows are logged in. Please try again later.");
  }
  return { kind: "admitted", config };
}

const refuse = (reason: string): Verdict => ({ kind: "refused", reason });

/** A service name, or one with * for any rest, as in "gdm-*". */
function matchesService(pattern: string, service: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(service);
}
