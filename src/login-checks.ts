// Looks whether the ghost could log in, at most once a minute, and what is wrong with the machine beside that.
import { readClock } from "./clock.ts";
import { rehearseLogin, warnOfServices } from "./explanation.ts";
import type { Config } from "./config/schema.ts";
import { matchesAny } from "./policy/admission.ts";
import type { Explanation } from "./policy/explain.ts";
import type { KeptCheck, LoginCheck } from "./policy/login-check.ts";
import { faultOf, isFresh, passwordlessServices, sessionServices } from "./policy/login-check.ts";
import { findGhostRules } from "./policy/ghost-rules.ts";
import type { State } from "./policy/state.ts";
import { findAccount, isMember } from "./system/accounts/nss.ts";
import { readRuleFiles } from "./system/rule-files.ts";
import { listPamServices } from "./system/pam-stacks.ts";

export class LoginChecks {
  readonly #state: () => State;
  readonly #overlay: boolean;
  #kept: KeptCheck | undefined;

  /** @param overlay whether this kernel has overlayfs */
  constructor(state: () => State, overlay: boolean) {
    this.#state = state;
    this.#overlay = overlay;
  }

  /** The last check if it is fresh, else a new one; callers at the same time share it. */
  check(): Promise<LoginCheck> {
    const { config } = this.#state();
    const { now, uptime } = readClock();
    if (isFresh(this.#kept, config, uptime)) return this.#kept.check;
    const check = this.#look(config, now);
    const kept = { config, uptime, check };
    this.#kept = kept;
    // What has failed says nothing for a minute.
    check.catch(() => {
      if (this.#kept === kept) this.#kept = undefined;
    });
    return check;
  }

  async #look(config: Config | undefined, checkedAt: number): Promise<LoginCheck> {
    if (config === undefined) return { fault: "", warnings: [], checkedAt };
    const services = listPamServices();
    const asking = passwordlessServices(config, services);
    const explanation = await this.#rehearseGhost(config, asking);
    const { Ghost, Group } = config.Guests;
    const warnings = [
      ...(explanation?.warnings ?? []),
      ...warnOfServices({ asking, opening: sessionServices(services) }, Group),
      ...(explanation?.leased === true ? findGhostRules(readRuleFiles(), Ghost, Group) : []),
    ];
    return { fault: faultOf(explanation, config), warnings, checkedAt };
  }

  // As if nobody else were there and the switch were on: that is said elsewhere.
  async #rehearseGhost(config: Config, services: readonly string[]): Promise<Explanation | undefined> {
    const { Ghost, Group, Passwordless } = config.Guests;
    const account = await findAccount(Ghost);
    if (account === undefined || !(await isMember(account, Group))) return undefined;
    const service = services.find((name) => matchesAny(Passwordless, name)) ?? "login";
    const alone: State = { ...this.#state(), config, sessions: new Map(), loginSwitch: { enabled: true, reason: "" } };
    return rehearseLogin(alone, { account, member: true, service }, this.#overlay);
  }
}
