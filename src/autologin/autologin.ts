// Automatic logins of guests: which display manager makes them, and what keeps them from working.
import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { ofUnit } from "../policy/display-managers.ts";
import { withoutEdit } from "./changes.ts";
import type { Autologin, DisplayManager } from "./display-managers.ts";
import { DISPLAY_MANAGERS } from "./display-managers.ts";
import { Files } from "./files.ts";

const DISPLAY_MANAGER_UNIT = "/etc/systemd/system/display-manager.service";
const DESKTOP = /\.desktop$/;
/** Safe in a display manager's file, and on the command line of greetd's greeter. */
const SESSION_NAME = /^[A-Za-z0-9][\w.-]*$/;

export interface Found extends Autologin {
  readonly manager: DisplayManager;
  /** Sentences. */
  readonly faults: readonly string[];
}

const NO_LOGIN: Autologin = { user: "", session: "" };

export interface Choice {
  readonly ghost: string;
  /** Empty for the only one. */
  readonly manager: string;
  /** Empty for the only one. */
  readonly session: string;
}

export class Autologins {
  readonly #files: Files;
  readonly #root: string;

  /** @param root prefix of each path */
  constructor(files = new Files(), root = "") {
    this.#files = files;
    this.#root = root;
  }

  /** @param ghost undefined if unknown @returns undefined if nothing is set up */
  find(ghost: string | undefined): Found | undefined {
    const manager = DISPLAY_MANAGERS.find((one) => this.#isOn(one));
    if (manager === undefined) return undefined;
    const [first] = manager.changes(NO_LOGIN);
    return this.#describe(manager, manager.read(this.#files.read(first.path) ?? ""), ghost);
  }

  /**
   * Undoes changes for other display managers too.
   * @returns the files that were changed
   * @throws Error with a sentence
   */
  enable({ ghost, manager: name, session }: Choice): { readonly found: Found; readonly changed: readonly string[] } {
    const manager = this.#choose(name);
    const fault = this.#findVersionFault(manager);
    if (fault !== undefined) throw new Error(fault);
    const login = { user: ghost, session: this.#chooseSession(manager, session) };
    const changes = manager.changes(login);
    // The file that turns automatic logins on is written last.
    const changed = [
      ...DISPLAY_MANAGERS.filter((one) => one !== manager).flatMap((one) => this.#undo(one)),
      ...[...changes].reverse().flatMap((change) => (this.#files.make(change) ? [change.path] : [])),
    ];
    return { found: this.#describe(manager, login, ghost), changed };
  }

  /** @returns the files that were changed */
  disable(): readonly string[] {
    return DISPLAY_MANAGERS.flatMap((one) => this.#undo(one));
  }

  #describe(manager: DisplayManager, login: Autologin, ghost: string | undefined): Found {
    return { ...login, manager, faults: this.#findFaults(manager, login, ghost) };
  }

  /** Why a refused login would not return to the greeter. */
  #findVersionFault({ name, recovery }: DisplayManager): string | undefined {
    if (recovery === undefined || this.#files.exists(recovery.file)) return undefined;
    return `${name} before ${recovery.version} shows no greeter after a login that was refused; another display manager does: lightdm.`;
  }

  #undo(manager: DisplayManager): readonly string[] {
    return manager.changes(NO_LOGIN).flatMap((change) => (this.#files.undo(change) ? [change.path] : []));
  }

  #isOn(manager: DisplayManager): boolean {
    const [first] = manager.changes(NO_LOGIN);
    const text = this.#files.read(first.path);
    if (text === undefined) return false;
    return first.kind === "lines" || first.kind === "prefix" ? withoutEdit(first, text) !== text : true;
  }

  #findFaults(manager: DisplayManager, login: Autologin, ghost: string | undefined): readonly string[] {
    const { name, sessions } = manager;
    const atBoot = this.#findAtBoot();
    const version = this.#isInstalled(manager) ? this.#findVersionFault(manager) : undefined;
    const missing = manager.changes(login).filter((change) => !this.#files.has(change));
    const again = `"guestctl autologin enable --display-manager=${name}" writes it again`;
    const isSession =
      sessions.length === 0 || login.session === "" || this.#listSessions(manager).includes(login.session);
    return [
      ...(this.#isInstalled(manager) ? [] : [`${name} is not installed.`]),
      ...(version === undefined ? [] : [version]),
      ...(atBoot === undefined || atBoot === manager
        ? []
        : [`${name} does not start with the machine; ${atBoot.name} does.`]),
      ...missing.map(({ path }) => `${path} is not as it should be; ${again}.`),
      ...(isSession ? [] : [`There is no session ${login.session}.`]),
      ...(ghost === undefined || ghost === login.user
        ? []
        : [`${name} logs in ${login.user}, and guests log in as ${ghost}; ${again}.`]),
    ];
  }

  #choose(name: string): DisplayManager {
    const installed = DISPLAY_MANAGERS.filter((one) => this.#isInstalled(one));
    const names = installed.map((one) => one.name).join(", ");
    if (name !== "") {
      const named = installed.find((one) => one.name === name);
      if (named !== undefined) return named;
      const others = names === "" ? "" : ` Installed: ${names}.`;
      throw new Error(`${name} is not installed.${others}`);
    }
    const [first] = installed;
    if (first === undefined) throw new Error(`No display manager is installed; "apt install lightdm" installs one.`);
    const atBoot = this.#findAtBoot();
    if (atBoot !== undefined && installed.includes(atBoot)) return atBoot;
    if (installed.length > 1)
      throw new Error(`Several display managers are installed: ${names}. Name one with --display-manager=.`);
    return first;
  }

  #chooseSession(manager: DisplayManager, named: string): string {
    const { name, needsSession, sessions } = manager;
    if (named === "" && !needsSession) return "";
    if (sessions.length === 0) throw new Error(`${name} chooses the session itself; leave out --session=.`);
    const all = this.#listSessions(manager);
    const names = all.length === 0 ? "none" : all.join(", ");
    if (named === "" && all.length === 1 && all[0] !== undefined) return all[0];
    if (named === "")
      throw new Error(`${name} must be told which session it begins: --session= names one of ${names}.`);
    if (!all.includes(named)) throw new Error(`${name} has no session ${named}. There are: ${names}.`);
    return named;
  }

  #listSessions({ sessions }: DisplayManager): readonly string[] {
    const names = sessions.flatMap((directory) => this.#list(directory));
    return [...new Set(names.filter((file) => DESKTOP.test(file)).map((file) => file.replace(DESKTOP, "")))]
      .filter((name) => SESSION_NAME.test(name))
      .sort();
  }

  #list(directory: string): readonly string[] {
    try {
      return readdirSync(this.#root + directory);
    } catch {
      return [];
    }
  }

  #isInstalled({ programs }: DisplayManager): boolean {
    return programs.some((program) => this.#files.exists(program));
  }

  #findAtBoot(): DisplayManager | undefined {
    try {
      const name = ofUnit(basename(readlinkSync(this.#root + DISPLAY_MANAGER_UNIT)))?.name;
      return DISPLAY_MANAGERS.find((one) => one.name === name);
    } catch {
      return undefined;
    }
  }
}
