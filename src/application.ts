// Puts the parts of the daemon together and starts them in order. Every part is given what it needs; none
// reaches for another.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { MessageBus } from "dbus-next";
import { nameExists } from "./bus/caller.ts";
import { findLoginCgroup, watchLogins } from "./bus/login1.ts";
import { makeMethods } from "./bus/methods.ts";
import { PendingCalls } from "./bus/pending.ts";
import { Service } from "./bus/service.ts";
import { limitIfThere, startScope } from "./bus/systemd1.ts";
import { closeUser, stopManager } from "./bus/user-units.ts";
import { loadConfig } from "./config/load.ts";
import { Configuration } from "./configuration.ts";
import { DEFAULTS } from "./config/parse.ts";
import type { Config } from "./config/schema.ts";
import type { EffectRunner } from "./daemon.ts";
import { Daemon, runnerOf } from "./daemon.ts";
import { makeRunners } from "./effects.ts";
import { EXIT_AGAIN, EXIT_IDLE, IdleWatch } from "./idle.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { GuestError } from "./policy/errors.ts";
import type { Moment } from "./policy/moment.ts";
import type { Explanation } from "./policy/explain.ts";
import { explainLogin } from "./policy/explain.ts";
import type { Session } from "./policy/session.ts";
import { findLeftovers } from "./startup.ts";
import { findAccount, findGroup, isMember } from "./system/accounts/nss.ts";
import type { Bindings } from "./system/bindings.ts";
import { Cgroups } from "./system/processes/cgroups.ts";
import { wasAnnounced } from "./system/announcements.ts";
import { Executor } from "./system/sessions/executor.ts";
import { gatherFacts } from "./system/sessions/facts.ts";
import { FdStore } from "./system/sessions/fd-store.ts";
import { SwitchStore } from "./system/state/switch-store.ts";
import type { Journal } from "./system/journal.ts";
import { sweepUid } from "./system/sweep/uid-sweep.ts";
import { Leases } from "./system/accounts/leases.ts";
import { Ledger } from "./system/state/ledger.ts";
import { Placement } from "./system/processes/placement.ts";
import { writePolkitFlags } from "./system/polkit-flags.ts";
import { SessionStore } from "./system/state/session-store.ts";
import { Sweeper } from "./system/sweep/sweep.ts";
import { VERSION } from "./version.ts";

const PAUSE_MS = 10;
/** Logins wait for the sweep of an earlier boot's sessions so long at most. */
const SWEEP_LIMIT_MS = 20_000;
const INTROSPECTION = "/usr/share/dbus-1/interfaces/org.guestd1.xml";

export interface ApplicationParts {
  readonly bus: MessageBus;
  readonly bindings: Bindings;
  readonly journal: Journal;
  /** guestd has had nothing to do for long enough: it is to exit with this status. */
  readonly onIdle: (status: number) => void;
  /** Stands between the daemon and the world. */
  readonly decorate: (runner: EffectRunner) => EffectRunner;
}

export class Application {
  readonly #bus: MessageBus;
  readonly #bindings: Bindings;
  readonly #journal: Journal;
  readonly #store = new SessionStore();
  readonly #ledger = new Ledger();
  readonly #switch = new SwitchStore();
  readonly #leases = new Leases();
  readonly #pending = new PendingCalls();
  readonly #overlay: boolean;
  readonly #executor: Executor;
  readonly #placement: Placement;
  readonly #cgroups = new Cgroups();
  readonly #configuration: Configuration;
  readonly #service: Service;
  readonly #daemon: Daemon;
  readonly #fdStore: FdStore;
  readonly #sweeper: Sweeper;
  readonly #idle: IdleWatch;

  constructor({ bus, bindings, journal, onIdle, decorate }: ApplicationParts) {
    this.#bus = bus;
    this.#bindings = bindings;
    this.#journal = journal;
    this.#overlay = bindings.probe().overlay;
    this.#fdStore = new FdStore((...state) => {
      bindings.notify(...state);
    });
    this.#sweeper = new Sweeper(bindings);
    this.#executor = new Executor(bindings, this.#cgroups, this.#fdStore, {
      nameExists: (name) => nameExists(bus, name),
      onLeaderExit: (id) => {
        this.#daemon.dispatch({ kind: "leader-exited", id });
      },
      onStoreFault: (error) => {
        this.#reportFault("systemd's store of descriptors", error);
      },
    });
    this.#placement = new Placement({
      cgroups: this.#cgroups,
      isAlive: (id) => this.#executor.isAlive(id),
      killReaper: (pid) => this.#executor.killReaper(pid),
      startScope: (id, leader, uid, limits) => startScope(bus, id, leader, uid, limits),
      findLoginCgroup: (leader, uid, since) => findLoginCgroup(bus, leader, uid, since),
    });
    this.#configuration = new Configuration({
      load: () => loadConfig(),
      journal,
      onLoaded: (config) => {
        this.#take(config);
      },
    });
    this.#service = this.#makeService();
    this.#daemon = new Daemon({ runEffect: decorate(this.#makeRunner()), journal, clock: readClock });
    this.#idle = this.#makeIdleWatch(onIdle);
  }

  /** Reads the configuration, begins to take up the sessions of an earlier guestd, then answers on the bus. */
  async start(): Promise<void> {
    this.#configuration.load();
    await watchLogins(this.#bus, () => {
      this.#findCgroups();
    });
    const events = await findLeftovers({
      loginSwitch: this.#switch,
      store: this.#store,
      ledger: this.#ledger,
      leases: this.#leases,
      placement: this.#placement,
      journal: this.#journal,
    });
    for (const event of events) this.#daemon.dispatch(event);
    // What an earlier boot has left goes before anybody new comes.
    if (events.some((event) => event.kind === "record-found" && event.cause === "lost-power"))
      await this.#awaitWork(SWEEP_LIMIT_MS);
    await this.#service.start();
    // All that go on have been taken up by now.
    this.#keepTime();
    // Of sessions that were recorded before logind had moved their leaders.
    this.#findCgroups();
    this.#journal.logDaemon(
      "notice",
      "daemon-started",
      `guestd ${VERSION} is ready; sessions taken up: ${this.#daemon.state.sessions.size}.`,
    );
  }

  /** Reads the configuration again. */
  reload(): void {
    this.#configuration.load();
  }

  /**
   * Waits for what is under way, to be stopped then.
   * @param limitMs how long at most: what is cut short goes on at the next start
   * @returns the exit status
   */
  async finish(limitMs: number): Promise<number> {
    // systemd stops a service that gives its name back; that one exits by itself.
    if (this.#idle.isLeaving) return new Promise<number>(() => undefined);
    await this.#awaitWork(limitMs);
    return this.#daemon.state.sessions.size > 0 ? EXIT_AGAIN : EXIT_IDLE;
  }

  async #awaitWork(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    while (this.#isWorking() && performance.now() < end) await delay(PAUSE_MS);
  }

  #isWorking(): boolean {
    return this.#service.isBusy || this.#daemon.isBusy;
  }

  #keepTime(): void {
    const onTick = (uptime: number) => {
      this.#daemon.dispatch({ kind: "tick" });
      this.#idle.check(uptime);
    };
    startHeartbeat({
      onTick,
      clock: readClock,
      fdStore: this.#fdStore,
      report: (error) => {
        this.#reportFault("the service manager", error);
      },
    });
  }

  #makeIdleWatch(onIdle: (status: number) => void): IdleWatch {
    return new IdleWatch({
      isWorking: () => this.#isWorking(),
      isBusy: () => this.#isWorking() || this.#daemon.state.sessions.size > 0,
      limit: () => (this.#daemon.state.config ?? DEFAULTS).Daemon.IdleExit * 1e6,
      releaseName: () => this.#service.release(),
      onIdle,
    });
  }

  // A configuration has come into force: what others read of it is written where they read it.
  #take(config: Config): void {
    this.#daemon.dispatch({ kind: "config-loaded", config });
    try {
      writePolkitFlags(config);
    } catch (error) {
      this.#reportFault("what polkit allows guests", error);
    }
    this.#leases.publishGhost(config).catch((error: unknown) => {
      this.#reportFault(`the account ${config.Guests.Ghost}`, error);
    });
  }

  #makeRunner(): EffectRunner {
    const bus = this.#bus;
    return runnerOf(
      makeRunners({
        executor: this.#executor,
        placement: this.#placement,
        leases: this.#leases,
        store: this.#store,
        ledger: this.#ledger,
        loginSwitch: this.#switch,
        sweeper: this.#sweeper,
        sweepUid: (account, session, settings) =>
          sweepUid(
            { bindings: this.#bindings, cgroups: this.#cgroups, sweeper: this.#sweeper },
            account,
            session,
            settings,
          ),
        wasAnnounced,
        settings: () => this.#daemon.state.config ?? DEFAULTS,
        users: {
          limit: ({ path }, limits) => limitIfThere(bus, basename(path), limits),
          stopManager: (uid) => stopManager(bus, uid),
          close: (uid) => closeUser(bus, uid),
        },
        pending: this.#pending,
        service: this.#service,
      }),
    );
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

  async #findCgroup(session: Session): Promise<void> {
    // Its own and logind's: a leader is moved once. All of a leased account's user is the session's anyway.
    if (session.leased || session.cgroups.length !== 1 || session.phase === "ending") return;
    const cgroup = await this.#placement.awaitLoginCgroup(session);
    if (cgroup !== undefined) this.#daemon.dispatch({ kind: "cgroup-found", id: session.id, cgroup });
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
      random: () => randomBytes(4).readUInt32LE(),
      findGid: () => this.#findGid(),
      cgroupOf: (pid) => this.#cgroups.pathOf(pid) ?? "",
      gatherFacts: (pid) => gatherFacts(this.#daemon.state.config, pid, this.#overlay),
      explain: (user, service) => this.#explain(user, service),
      receipts: this.#ledger,
      configuration: this.#configuration,
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

  async #findGid(): Promise<number | undefined> {
    const { config } = this.#daemon.state;
    return config === undefined ? undefined : findGroup(config.Guests.Group);
  }

  async #explain(user: string, service: string): Promise<Explanation> {
    const account = await findAccount(user);
    if (account === undefined)
      throw new GuestError("InvalidArgument", `There is no user ${JSON.stringify(user)} on this machine.`);
    const { config, sessions, loginSwitch } = this.#daemon.state;
    const member = config !== undefined && (await isMember(account, config.Guests.Group));
    const facts = gatherFacts(config, process.pid, this.#overlay);
    return explainLogin(config, { account, member, service }, [...sessions.values()], loginSwitch, facts);
  }
}

function readClock(): Moment {
  return { now: Date.now(), uptime: Number(process.hrtime.bigint() / 1000n) };
}

// 10 characters of base 32 are 50 random bits: no id comes twice, and none can be guessed from another.
function makeId(): string {
  const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
  return Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join("");
}
