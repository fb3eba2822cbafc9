// What a login would get, without doing it: the same judgement and the same plan as the real thing.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import { judgeLogin } from "./admission.ts";
import type { PlanFacts } from "./plan.ts";
import { makePlan } from "./plan.ts";
import type { Session } from "./session.ts";
import type { Step } from "./steps.ts";

export interface Explanation {
  /** "ignored": the account is not in the group of guests, pam_guest does nothing. */
  readonly verdict: "ignored" | "refused" | "admitted";
  /** Why, as a sentence. */
  readonly reason: string;
  /** The plan of an admitted login. */
  readonly plan: readonly Step[];
}

/** Explains a login of this account through this PAM service. */
export function explainLogin(
  config: Config | undefined,
  login: { readonly account: Account; readonly member: boolean; readonly service: string },
  sessions: readonly Session[],
  facts: PlanFacts,
): Explanation {
  const { account, member, service } = login;
  if (config !== undefined && !member) {
    const reason = `${account.user} is not in the group ${config.Guests.Group}: guestd has nothing to do with this login.`;
    return { verdict: "ignored", reason, plan: [] };
  }
  const verdict = judgeLogin(config, { account, service, leaderPid: 0 }, sessions);
  if (verdict.kind !== "admitted") return { verdict: "refused", reason: verdict.kind === "refused" ? verdict.reason : "", plan: [] };
  return { verdict: "admitted", reason: `${account.user} gets a view of its own.`, plan: makePlan(verdict.config, account, facts) };
}
