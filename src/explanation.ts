// What a login would get now: asks the machine what policy/explain.ts must know, and builds the view of a login that would be let in.
import { GuestError } from "./policy/errors.ts";
import type { Explanation } from "./policy/explain.ts";
import { explainLogin, NSCD_FAULT, refuseFor } from "./policy/explain.ts";
import type { Account } from "./policy/account.ts";
import type { PamType } from "./policy/pam-stack.ts";
import { warnOfActing, warnOfAsking } from "./policy/pam-warnings.ts";
import type { State } from "./policy/state.ts";
import { describeViewFault } from "./policy/view-fault.ts";
import { cachesAccounts } from "./system/accounts/nscd.ts";
import { findAccount, isMember } from "./system/accounts/nss.ts";
import { readPamStack } from "./system/pam-stacks.ts";
import { gatherFacts } from "./system/sessions/facts.ts";
import { rehearseView } from "./system/sessions/rehearsal.ts";

/** Who logs in, as explainLogin() wants it. */
export interface ExplainedLogin {
  readonly account: Account;
  readonly member: boolean;
  readonly service: string;
}

/**
 * @param overlay whether this kernel has overlayfs
 * @throws GuestError InvalidArgument when there is no such user
 */
export async function explain(state: State, user: string, service: string, overlay: boolean): Promise<Explanation> {
  const { config } = state;
  const account = await findAccount(user);
  if (account === undefined)
    throw new GuestError("InvalidArgument", `There is no user ${JSON.stringify(user)} on this machine.`);
  const member = config !== undefined && (await isMember(account, config.Guests.Group));
  const explanation = await rehearseLogin(state, { account, member, service }, overlay);
  if (config === undefined || explanation.verdict === "ignored") return explanation;
  const warnings = warnOfServices(
    { asking: explanation.leased ? [service] : [], opening: [service] },
    config.Guests.Group,
  );
  return { ...explanation, warnings: [...explanation.warnings, ...warnings] };
}

/** Explains a login; one that policy admits, by building its view. */
export async function rehearseLogin(
  { config, sessions, loginSwitch, uidMap }: State,
  login: ExplainedLogin,
  overlay: boolean,
): Promise<Explanation> {
  const facts = gatherFacts(config, { pid: process.pid, home: login.account.home, overlay });
  const explanation = explainLogin(config, login, [...sessions.values()], loginSwitch, facts, uidMap);
  if (explanation.verdict !== "admitted") return explanation;
  if (explanation.leased && cachesAccounts()) return refuseFor(explanation, NSCD_FAULT);
  try {
    const fault = await rehearseView(explanation.plan);
    return fault === undefined ? explanation : refuseFor(explanation, describeViewFault(fault, explanation.plan));
  } catch (error) {
    const warning = `It could not be tried whether the view can be built: ${(error as Error).message}.`;
    return { ...explanation, warnings: [warning] };
  }
}

/** Services by what is done through them. */
export interface WatchedServices {
  /** Guests are to get in without being asked. */
  readonly asking: readonly string[];
  /** Sessions of guests open. */
  readonly opening: readonly string[];
}

/** What the stacks of these services have in the way of guests, or of their views. */
export function warnOfServices({ asking, opening }: WatchedServices, group: string): readonly string[] {
  const [auth, session] = [readStacks(asking, "auth"), readStacks(opening, "session")];
  return [
    ...warnOfAsking(auth.stacks, group),
    ...warnOfActing(session.stacks, group),
    ...new Set([...auth.unread, ...session.unread]),
  ];
}

/** @returns the stacks, and a sentence for each that could not be read */
function readStacks(services: readonly string[], type: PamType) {
  const unread: string[] = [];
  const stacks = services.flatMap((service) => {
    try {
      return [{ service, stack: readPamStack(service, type) }];
    } catch (error) {
      unread.push(`The PAM stack of ${service} could not be read: ${(error as Error).message}.`);
      return [];
    }
  });
  return { stacks, unread };
}
