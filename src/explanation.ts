// What a login would get now: collects facts for policy/explain.ts, and builds the view.
import type { Config } from "./config/schema.ts";
import type { LoginMachine } from "./login-machine.ts";
import { warnOfRules } from "./login-rules.ts";
import type { Account } from "./policy/account.ts";
import { GuestError } from "./policy/errors.ts";
import type { ExplainedLogin, Explanation, Judging } from "./policy/explain.ts";
import { explainLogin, NSCD_FAULT, refuseFor, REFUSED, SAMPLE_HOME } from "./policy/explain.ts";
import type { GhostFacts, Stacks } from "./policy/ghost-fault.ts";
import { findEveryFault, findGhostFault, findServiceFault, listUnwired, warnOfAccess } from "./policy/ghost-fault.ts";
import { findAutologins } from "./policy/ghost-rules.ts";
import { ghostServices } from "./policy/login-check.ts";
import type { PamModule, PamType } from "./policy/pam-stack.ts";
import type { ServiceStack } from "./policy/pam-warnings.ts";
import { warnOfActing, warnOfAsking, warnOfChoosing } from "./policy/pam-warnings.ts";
import { describeViewFault } from "./policy/view-fault.ts";

/**
 * Explains a login of this user through this PAM service.
 * @throws GuestError InvalidArgument if there is no such user
 */
export async function explain(
  state: Judging,
  user: string,
  service: string,
  machine: LoginMachine,
): Promise<Explanation> {
  const { config } = state;
  const facts = await findGhostFacts(user, config, machine);
  const { account, member } = facts;
  const fault = config?.Guests.Ghost === user ? findGhostFault(config, facts) : undefined;
  if (account === undefined) {
    if (fault !== undefined) return refuseFor(REFUSED, fault);
    throw new GuestError("InvalidArgument", `There is no user ${JSON.stringify(user)} on this machine.`);
  }
  const explanation = await rehearseLogin(state, { account, member, service }, machine);
  if (config === undefined) return explanation;
  if (explanation.verdict === "ignored")
    return fault === undefined ? explanation : { ...explanation, reason: refuseFor(explanation, fault).reason };
  const checked = addStackFindings(explanation, service, config, machine);
  const rules = await findRules(checked, account, service, config, machine);
  return { ...checked, warnings: [...checked.warnings, ...rules] };
}

async function findRules(
  { verdict, leased, plan }: Explanation,
  account: Account,
  service: string,
  config: Config,
  machine: LoginMachine,
): Promise<readonly string[]> {
  if (leased) return service === "login" ? findAutologins(machine.readGettyUnits(), config.Guests.Ghost) : [];
  return verdict === "admitted" ? warnOfRules({ account, service, plan }, machine) : [];
}

function addStackFindings(
  explanation: Explanation,
  service: string,
  config: Config,
  machine: LoginMachine,
): Explanation {
  const { leased } = explanation;
  const { Group } = config.Guests;
  const stacks = readStacks(service, machine);
  const asking = leased ? [service] : [];
  const warnings = [
    ...explanation.warnings,
    ...warnOfServices({ asking, entering: [service], opening: [service] }, Group, machine),
  ];
  const fault = leased ? findServiceFault(stacks, machine.readRuleFiles(), Group) : undefined;
  if (fault !== undefined && explanation.verdict === "admitted") {
    const refused = refuseFor(explanation, fault);
    return { ...refused, warnings: warnings.filter((sentence) => sentence !== refused.reason) };
  }
  const isOpen = !leased && explanation.verdict === "admitted" && listUnwired(stacks).includes("session");
  const open = `The PAM stack of ${service} has no pam_guest for session: such a login has no view, and all of the host.`;
  return { ...explanation, warnings: isOpen ? [...warnings, open] : warnings };
}

/**
 * Explains a login of the ghost through the best of its services.
 * @returns undefined if there is no ghost and the configuration needs none
 */
export async function explainGhost(
  state: Judging & { readonly config: Config },
  machine: LoginMachine,
): Promise<Explanation | undefined> {
  const { config } = state;
  const { Ghost, Group, Passwordless } = config.Guests;
  const facts = await findGhostFacts(Ghost, config, machine);
  const fault = findGhostFault(config, facts);
  if (fault !== undefined) return refuseFor(REFUSED, fault);
  const { account, member } = facts;
  if (account === undefined || !member) return undefined;
  const services = ghostServices(config, machine.listPamServices()).map((service) => readStacks(service, machine));
  const files = machine.readRuleFiles();
  // With terms of use, a service without a conversation is refused.
  const talking = services.filter(({ service }) => !service.endsWith("-autologin"));
  const best = [...talking, ...services].find(
    (stacks) => findServiceFault(stacks, files, Group) === undefined,
  )?.service;
  const explanation = await rehearseLogin(state, { account, member, service: best ?? "login" }, machine);
  const every = Passwordless.length === 0 ? undefined : findEveryFault(services, files, Group);
  return every !== undefined && explanation.verdict === "admitted" ? refuseFor(explanation, every) : explanation;
}

async function findGhostFacts(user: string, config: Config | undefined, machine: LoginMachine): Promise<GhostFacts> {
  const account = await machine.findAccount(user);
  if (config === undefined) return { account, hasGroup: true, member: false };
  const hasGroup = (await machine.findGroup(config.Guests.Group)) !== undefined;
  const member = account !== undefined && hasGroup && (await machine.isMember(account, config.Guests.Group));
  return { account, hasGroup, member };
}

/** Explains a login. If policy admits it, tries to build the view. */
async function rehearseLogin(state: Judging, login: ExplainedLogin, machine: LoginMachine): Promise<Explanation> {
  const explanation = explainLogin(state, login, machine.gatherFacts(state.config, login.account.home));
  if (explanation.verdict !== "admitted") return explanation;
  const { leased, plan } = explanation;
  const leaseFault = leased ? await findLeaseFault(machine) : undefined;
  if (leaseFault !== undefined) return refuseFor(explanation, leaseFault);
  try {
    const fault = await machine.rehearseView(plan);
    return fault === undefined ? explanation : refuseFor(explanation, describeViewFault(fault, plan));
  } catch (error) {
    const warning = `It could not be tried whether the view can be built: ${(error as Error).message}.`;
    return { ...explanation, warnings: [warning] };
  }
}

async function findLeaseFault(machine: LoginMachine): Promise<string | undefined> {
  if (machine.cachesAccounts()) return NSCD_FAULT;
  try {
    // If the home exists, the lease gets another name.
    await machine.homeExists(SAMPLE_HOME);
    return undefined;
  } catch (error) {
    return `no account can be leased: ${(error as Error).message}`;
  }
}

/** PAM services, by what guests do. */
export interface WatchedServices {
  /** They log in without a password. */
  readonly asking: readonly string[];
  /** They log in. */
  readonly entering: readonly string[];
  /** They have sessions. */
  readonly opening: readonly string[];
}

/** Warns of PAM modules that get in the way of guests. */
export function warnOfServices(
  { asking, entering, opening }: WatchedServices,
  group: string,
  machine: LoginMachine,
): readonly string[] {
  const unread = new Set<string>();
  const read = (services: readonly string[], type: PamType): readonly ServiceStack[] =>
    services.flatMap((service) => {
      const stack = readStack(service, type, machine, (sentence) => unread.add(sentence));
      return stack === undefined ? [] : [{ service, stack }];
    });
  const files = machine.readRuleFiles();
  return [
    ...warnOfAsking(read(asking, "auth"), group),
    ...warnOfActing(read(opening, "session"), group),
    ...warnOfChoosing(read(entering, "account"), group),
    ...entering.flatMap((service) => warnOfAccess(readStacks(service, machine), files, group)),
    ...unread,
  ];
}

function readStacks(service: string, machine: LoginMachine): Stacks {
  const read = (type: PamType) => readStack(service, type, machine, () => undefined);
  return { service, auth: read("auth"), account: read("account"), session: read("session") };
}

function readStack(
  service: string,
  type: PamType,
  machine: LoginMachine,
  onUnread: (sentence: string) => void,
): readonly PamModule[] | undefined {
  try {
    return machine.readPamStack(service, type);
  } catch (error) {
    onUnread(`The PAM stack of ${service} could not be read: ${(error as Error).message}.`);
    return undefined;
  }
}
