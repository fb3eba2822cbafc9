// What explanations and login checks ask the machine; tests replace it. Decides nothing.
import type { Config } from "./config/schema.ts";
import type { Account } from "./policy/account.ts";
import type { ChrootRule } from "./policy/chroot-rules.ts";
import type { RuleFile, UnitFile } from "./policy/ghost-rules.ts";
import type { OpenDirectories } from "./policy/open-directories.ts";
import type { PamModule, PamType } from "./policy/pam-stack.ts";
import type { PlanFacts } from "./policy/plan.ts";
import type { Step } from "./policy/steps.ts";
import type { SwapFacts } from "./policy/swap.ts";
import type { ViewFault } from "./policy/view-fault.ts";
import { listLingering } from "./system/accounts/lingering.ts";
import { cachesAccounts } from "./system/accounts/nscd.ts";
import { findAccount, findGroup, findGroups, isMember, listMembers } from "./system/accounts/nss.ts";
import type { Abilities } from "./system/bindings.ts";
import { readGettyUnits } from "./system/getty-units.ts";
import { OpenDirectoriesLook } from "./system/open-directories.ts";
import { listPamServices, readPamStack } from "./system/pam-stacks.ts";
import { pathExists } from "./system/path-look.ts";
import { readRuleFiles } from "./system/rule-files.ts";
import { gatherFacts } from "./system/sessions/facts.ts";
import { rehearseView } from "./system/sessions/rehearsal.ts";
import { readChrootRules } from "./system/sshd-config.ts";
import { readSwapFacts } from "./system/swap.ts";

export interface LoginMachine {
  readonly findAccount: (name: string) => Promise<Account | undefined>;
  readonly findGroup: (name: string) => Promise<number | undefined>;
  readonly isMember: (account: Account, group: string) => Promise<boolean>;
  readonly cachesAccounts: () => boolean;
  /** Rejects if this cannot be determined. */
  readonly homeExists: (home: string) => Promise<boolean>;
  /** For a login from guestd's mount namespace. */
  readonly gatherFacts: (config: Config | undefined, home: string) => PlanFacts;
  readonly rehearseView: (plan: readonly Step[]) => Promise<ViewFault | undefined>;
  readonly listPamServices: () => readonly string[];
  readonly readPamStack: (service: string, type: PamType) => readonly PamModule[];
  readonly readRuleFiles: () => readonly RuleFile[];
  readonly readGettyUnits: () => readonly UnitFile[];
  readonly readChrootRules: () => readonly ChrootRule[];
  /** Names of users, guests or not. */
  readonly listLingering: () => readonly string[];
  /** Names of all groups of the account. */
  readonly findGroups: (account: Account) => Promise<readonly string[]>;
  /** Names of accounts, except those whose primary group it is. */
  readonly listMembers: (group: string) => Promise<readonly string[]>;
  readonly findOpenDirectories: () => Promise<OpenDirectories>;
  readonly readSwapFacts: () => SwapFacts;
}

/** What is asked for an open session. */
export const RULES = {
  findGroups,
  listLingering: () => listLingering(),
  readChrootRules: () => readChrootRules(),
} as const satisfies Partial<LoginMachine>;

export function askMachine({ overlay, noswap }: Pick<Abilities, "overlay" | "noswap">): LoginMachine {
  const openDirectories = new OpenDirectoriesLook();
  return {
    findAccount,
    findGroup,
    isMember,
    cachesAccounts: () => cachesAccounts(),
    homeExists: (home) => pathExists(home),
    gatherFacts: (config, home) => gatherFacts(config, { pid: process.pid, home, overlay }),
    rehearseView: (plan) => rehearseView(plan),
    listPamServices: () => listPamServices(),
    readPamStack: (service, type) => readPamStack(service, type),
    ...RULES,
    listMembers,
    readRuleFiles: () => readRuleFiles(),
    readGettyUnits: () => readGettyUnits(),
    findOpenDirectories: () => openDirectories.find(),
    readSwapFacts: () => readSwapFacts(noswap),
  };
}
