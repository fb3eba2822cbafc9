// Puts the parts of the daemon together and starts them in order. Every part is given what it needs; none
// reaches for another.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { MessageBus } from "dbus-next";
import { nameExists } from "./bus/caller.ts";
import { findLoginCgroup, watchLogins } from "./bus/login1.ts";
import { makeMethods } from "./bus/methods.ts";
import { PendingCalls } from "./bus/pending.ts";
import { Service } from "./bus/service.ts";
import { startScope } from "./bus/systemd1.ts";
import { loadConfig } from "./config/load.ts";
import { Configuration } from "./configuration.ts";
import { Daemon } from "./daemon.ts";
import { makeEffectRunner } from "./effects.ts";
import { GuestError } from "./policy/errors.ts";
import type { Explanation } from "./policy/explain.ts";
import { explainLogin } from "./policy/explain.ts";
import type { Session } from "./policy/session.ts";
import { findAccount, isMember } from "./system/accounts.ts";
import type { Bindings } from "./system/bindings.ts";
import { Cgroups } from "./system/cgroups.ts";
import { Executor } from "./system/executor.ts";
import { gatherFacts } from "./system/facts.ts";
import type { Journal } from "./system/journal.ts";
import { SessionStore } from "./system/store.ts";
import { VERSION } from "./version.ts";

const INTROSPECTION = "/usr/share/dbus-1/interfaces/org.guestd1.xml";

export class Application {
  readonly #bus: MessageBus;
  readonly #journal: Journal;
  readonly #store = new SessionStore();
  readonly #pending = new PendingCalls();
  readonly #overlay: boolean;
  readonly #executor: Executor;
  readonly #cgroups = new Cgroups();
  readonly #configuration: Configuration;
  readonly #service: Service;
  readonly #daemon: Daemon;

  constructor(bus: MessageBus, bindings: Bindings, journal: Journal) {
    this.#bus = bus;
    this.#journal = journal;
    this.#overlay = bindings.probe().overlay;
    this.#executor = new Executor(bindings, this.#cgroups, {
      nameExists: (name) => nameExists(bus, name),
      startScope: (id, leader) => startScope(bus, id, leader),
      findLoginCgroup: (leader, uid, since) => findLoginCgroup(bus, leader, uid, since),
      onLeaderExit: (id) => {
        this.#daemon.dispatch({ kind: "leader-exited", id });
      },
    });
    this.#service = this.#makeService();
    const runEffect = makeEffectRunner({ executor: this.#executor, store: this.#store, pending: this.#pending, service: this.#service });
    this.#daemon = new Daemon({ runEffect, journal, now: Date.now });
    this.#configuration = new Configuration({
      load: () => loadConfig(),
      journal,
      onLoaded: (config) => {
        this.#daemon.dispatch({ kind: "config-loaded", config });
      },
    });
  }

  /** Reads the configuration, begins to take up the sessions of an earlier guestd, then answers on the bus. */
  async start(): Promise<void> {
    this.#configuration.load();
    await watchLogins(this.#bus, () => {
      this.#findCgroups();
    });
    this.#recover();
    await this.#service.start();
    // Of sessions that were recorded before logind had moved their leaders.
    this.#findCgroups();
    this.#journal.logDaemon("notice", "daemon-started", `guestd ${VERSION} is ready; sessions taken up: ${this.#daemon.state.sessions.size}.`);
  }

  /** Reads the configuration again. */
  reload(): void {
    this.#configuration.load();
  }

  #recover(): void {
    const { sessions, rejected } = this.#store.recover();
    for (const { file, reason } of rejected) {
      this.#journal.logDaemon("err", "record-rejected", `Set aside the record ${file}: it ${reason}.`);
    }
    for (const session of sessions) this.#daemon.dispatch({ kind: "record-found", session });
  }

  #findCgroups(): void {
    for (const session of this.#daemon.state.sessions.values()) {
      this.#findCgroup(session).catch((error: unknown) => {
        this.#reportFault(`the cgroup of session ${session.id}`, error);
      });
    }
  }

  #reportFault(what: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#journal.logDaemon("err", "call-failed", `Failed at ${what}: ${text}`);
  }

  async #findCgroup({ id, leader, cgroups, phase }: Session): Promise<void> {
    // Its own and logind's: a leader is moved once.
    if (cgroups.length !== 1 || phase === "ending") return;
    const known = cgroups.map(({ path }) => path);
    const cgroup = await this.#executor.awaitLoginCgroup(id, leader.pid, known);
    if (cgroup !== undefined) this.#daemon.dispatch({ kind: "cgroup-found", id, cgroup });
  }

  #makeService(): Service {
    const methods = makeMethods({
      version: VERSION,
      state: () => this.#daemon.state,
      dispatch: (event) => {
        this.#daemon.dispatch(event);
      },
      pending: this.#pending,
      newId: makeId,
      now: Date.now,
      uptime: () => Number(process.hrtime.bigint() / 1000n),
      cgroupOf: (pid) => this.#cgroups.pathOf(pid) ?? "",
      gatherFacts: (pid) => gatherFacts(this.#daemon.state.config, pid, this.#overlay),
      explain: (user, service) => this.#explain(user, service),
      settings: () => this.#configuration.settings,
      configErrors: () => this.#configuration.errors,
      reload: () => this.#configuration.load(),
    });
    return new Service({
      bus: this.#bus,
      methods,
      introspection: readFileSync(INTROSPECTION, "utf8"),
      onDenied: (member, reason) => {
        this.#journal.logDaemon("warning", "call-denied", `Denied ${member}: ${reason}`);
      },
      onFault: (member, error) => {
        this.#reportFault(member, error);
      },
    });
  }

  async #explain(user: string, service: string): Promise<Explanation> {
    const account = await findAccount(user);
    if (account === undefined) throw new GuestError("InvalidArgument", `There is no user ${JSON.stringify(user)} on this machine.`);
    const { config, sessions } = this.#daemon.state;
    const member = config !== undefined && (await isMember(account, config.Guests.Group));
    const facts = gatherFacts(config, process.pid, this.#overlay);
    return explainLogin(config, { account, member, service }, [...sessions.values()], facts);
  }
}

// 10 characters of base 32 are 50 random bits: no id comes twice, and none can be guessed from another.
function makeId(): string {
  const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
  return Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join("");
}
