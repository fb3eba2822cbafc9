// Checks whether the ghost could log in, and collects warnings. A good result lasts a minute.
import { readClock } from "./clock.ts";
import { explainGhost, warnOfServices } from "./explanation.ts";
import type { Config } from "./config/schema.ts";
import type { LoginMachine } from "./login-machine.ts";
import { warnOfAllRules } from "./login-rules.ts";
import type { Explanation, Judging } from "./policy/explain.ts";
import { refuseFor, REFUSED } from "./policy/explain.ts";
import type { KeptCheck, LoginCheck } from "./policy/login-check.ts";
import {
  addWarnings,
  faultOf,
  ghostServices,
  isFresh,
  passwordlessServices,
  sessionServices,
} from "./policy/login-check.ts";
import { findAutologins, findGhostRules } from "./policy/ghost-rules.ts";
import { warnOfDirectories } from "./policy/open-directories.ts";
import type { State } from "./policy/state.ts";
import { listWarnings } from "./policy/warnings.ts";

export class LoginChecks {
  readonly #state: () => State;
  readonly #machine: LoginMachine;
  #kept: KeptCheck | undefined;

  constructor(state: () => State, machine: LoginMachine) {
    this.#state = state;
    this.#machine = machine;
  }

  /** Warnings that need no check are always fresh. */
  async check(): Promise<LoginCheck> {
    const found = await this.#lookOnce();
    const state = this.#state();
    const { config } = state;
    if (config === undefined) return found;
    const swap = this.#machine.readSwapFacts();
    return addWarnings(found, listWarnings(config, state, swap));
  }

  // Concurrent callers share one check.
  #lookOnce(): Promise<LoginCheck> {
    const { config } = this.#state();
    const { now, uptime } = readClock();
    if (isFresh(this.#kept, config, uptime)) return this.#kept.check;
    const check = this.#look(config, now);
    const kept = { config, uptime, check };
    this.#kept = kept;
    const forget = () => {
      if (this.#kept === kept) this.#kept = undefined;
    };
    // An administrator may have fixed the fault.
    check.then(({ fault }) => {
      if (fault !== "") forget();
    }, forget);
    return check;
  }

  async #look(config: Config | undefined, checkedAt: number): Promise<LoginCheck> {
    if (config === undefined) return { fault: "", warnings: [], checkedAt };
    const machine = this.#machine;
    const services = machine.listPamServices();
    const [directories, explanation, rules] = await Promise.all([
      machine.findOpenDirectories(),
      this.#explainGhost(config),
      this.#warnOfRules(config),
    ]);
    const { Ghost, Group } = config.Guests;
    const watched = {
      asking: passwordlessServices(config, services),
      entering: ghostServices(config, services),
      opening: sessionServices(services),
    };
    const warnings = [
      ...warnOfDirectories(config, directories),
      ...(explanation?.warnings ?? []),
      ...warnOfServices(watched, Group, machine),
      ...(explanation?.leased === true ? findGhostRules(machine.readRuleFiles(), Ghost, Group) : []),
      ...(explanation?.leased === true ? findAutologins(machine.readGettyUnits(), Ghost) : []),
      ...rules,
    ];
    return { fault: faultOf(explanation, config), warnings, checkedAt };
  }

  // Other sessions and the switch are reported elsewhere.
  #judgeAlone(config: Config): Judging & { readonly config: Config } {
    return { ...this.#state(), config, sessions: new Map(), loginSwitch: { enabled: true, reason: "" } };
  }

  async #warnOfRules(config: Config): Promise<readonly string[]> {
    try {
      return await warnOfAllRules(this.#judgeAlone(config), this.#machine);
    } catch (error) {
      return [`It could not be found out whether sshd and logind have rules for guests: ${(error as Error).message}.`];
    }
  }

  async #explainGhost(config: Config): Promise<Explanation | undefined> {
    try {
      return await explainGhost(this.#judgeAlone(config), this.#machine);
    } catch (error) {
      return refuseFor(REFUSED, `it could not be found out whether the ghost can log in: ${(error as Error).message}`);
    }
  }
}
