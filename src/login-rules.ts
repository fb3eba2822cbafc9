// Finds rules of the machine that do not work for a shared session. Policy judges.
import type { Config } from "./config/schema.ts";
import type { LoginMachine } from "./login-machine.ts";
import type { Account } from "./policy/account.ts";
import type { ChrootedLogin } from "./policy/chroot-rules.ts";
import { asksForGroups, findChrootFault } from "./policy/chroot-rules.ts";
import type { Judging } from "./policy/explain.ts";
import { explainLogin } from "./policy/explain.ts";
import { describeLingering } from "./policy/linger.ts";
import type { Step } from "./policy/steps.ts";

export type RuleMachine = Pick<LoginMachine, "readChrootRules" | "findGroups" | "listLingering">;

export interface SharedLogin {
  readonly account: Account;
  readonly service: string;
  readonly plan: readonly Step[];
}

const SSHD = "sshd";
/** More accounts would take too long. */
const MOST_ACCOUNTS = 50;

/** Returns what does not work, and what to use instead. */
export async function warnOfRules(login: SharedLogin, machine: RuleMachine): Promise<readonly string[]> {
  const { user } = login.account;
  const fault = login.service === SSHD ? await findChrooted(login, machine) : undefined;
  const lingering = machine.listLingering().includes(user) ? describeLingering(user) : undefined;
  return [fault, lingering].filter((sentence) => sentence !== undefined);
}

async function findChrooted({ account, plan }: SharedLogin, machine: RuleMachine): Promise<string | undefined> {
  const rules = machine.readChrootRules();
  const groups: ChrootedLogin["groups"] = asksForGroups(rules) ? await machine.findGroups(account) : [];
  return findChrootFault(rules, { account, groups, plan });
}

/** Warns for shared accounts known by name: the ghost, members of the group, lingering users. */
export async function warnOfAllRules(
  state: Judging & { readonly config: Config },
  machine: LoginMachine,
): Promise<readonly string[]> {
  const { Ghost, Group } = state.config.Guests;
  const members = machine.readChrootRules().length === 0 ? [] : [Ghost, ...(await machine.listMembers(Group))];
  const names = [...new Set([...machine.listLingering(), ...members])].slice(0, MOST_ACCOUNTS);
  const warnings = await Promise.all(names.map((user) => warnOfAccount(state, user, machine)));
  return [...new Set(warnings.flat())];
}

async function warnOfAccount(
  state: Judging & { readonly config: Config },
  user: string,
  machine: LoginMachine,
): Promise<readonly string[]> {
  const account = await machine.findAccount(user);
  if (account === undefined || !(await machine.isMember(account, state.config.Guests.Group))) return [];
  const login = { account, member: true, service: SSHD };
  const { verdict, leased, plan } = explainLogin(state, login, machine.gatherFacts(state.config, account.home));
  return verdict !== "admitted" || leased ? [] : warnOfRules({ ...login, plan }, machine);
}
