// What a login would get now: asks the machine what policy/explain.ts must know.
import { GuestError } from "./policy/errors.ts";
import type { Explanation } from "./policy/explain.ts";
import { explainLogin } from "./policy/explain.ts";
import type { State } from "./policy/state.ts";
import { findAccount, isMember } from "./system/accounts/nss.ts";
import { gatherFacts } from "./system/sessions/facts.ts";

/**
 * @param overlay whether this kernel has overlayfs
 * @throws GuestError InvalidArgument when there is no such user
 */
export async function explain(
  { config, sessions, loginSwitch, uidMap }: State,
  user: string,
  service: string,
  overlay: boolean,
): Promise<Explanation> {
  const account = await findAccount(user);
  if (account === undefined)
    throw new GuestError("InvalidArgument", `There is no user ${JSON.stringify(user)} on this machine.`);
  const member = config !== undefined && (await isMember(account, config.Guests.Group));
  const facts = gatherFacts(config, process.pid, overlay);
  return explainLogin(config, { account, member, service }, [...sessions.values()], loginSwitch, facts, uidMap);
}
