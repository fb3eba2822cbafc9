// Looks whether the ghost could log in, at most once a minute, and what is wrong with the machine beside that.
import { readClock } from "./clock.ts";
import { rehearseLogin, warnOfServices } from "./explanation.ts";
import type { Config } from "./config/schema.ts";
import { matchesAny } from "./policy/admission.ts";
import type { Explanation } from "./policy/explain.ts";
import type { KeptCheck, LoginCheck } from "./policy/login-check.ts";
import { addWarnings, faultOf, isFresh, passwordlessServices, sessionServices } from "./policy/login-check.ts";
import { findGhostRules } from "./policy/ghost-rules.ts";
import { warnOfDirectories } from "./policy/open-directories.ts";
import type { State } from "./policy/state.ts";
import { listWarnings } from "./policy/warnings.ts";
import { findAccount, isMember } from "./system/accounts/nss.ts";
import type { Abilities } from "./system/bindings.ts";
import { OpenDirectoriesLook } from "./system/open-directories.ts";
import { readRuleFiles } from "./system/rule-files.ts";
import { listPamServices } from "./system/pam-stacks.ts";
import { readSwapFacts } from "./system/swap.ts";

type LookAbilities = Pick<Abilities, "overlay" | "noswap">;

export class LoginChecks {
  readonly #state: () => State;
  readonly #abilities: LookAbilities;
  readonly #openDirectories = new OpenDirectoriesLook();
  #kept: KeptCheck | undefined;

  /** @param abilities what this kernel has */
  constructor(state: () => State, abilities: LookAbilities) {
    this.#state = state;
    this.#abilities = abilities;
  }

  /** What the last look has found if that is fresh, else a new one, and what is known without a look. */
  async check(): Promise<LoginCheck> {
    const found = await this.#lookOnce();
    const state = this.#state();
    const { config } = state;
    if (config === undefined) return found;
    const swap = readSwapFacts(this.#abilities.noswap);
    return addWarnings(found, listWarnings(config, state, swap));
  }

  // Callers at the same time share it.
  #lookOnce(): Promise<LoginCheck> {
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
    const [directories, explanation] = await Promise.all([
      this.#openDirectories.find(),
      this.#rehearseGhost(config, asking),
    ]);
    const { Ghost, Group } = config.Guests;
    const warnings = [
      ...warnOfDirectories(config, directories),
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
    return rehearseLogin(alone, { account, member: true, service }, this.#abilities.overlay);
  }
}
