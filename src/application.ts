// Creates the parts of the daemon in order, and starts them. The one circular dependency is in daemon-link.ts. No
// logic.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { MessageBus } from "dbus-next";
import type { Intake } from "./bus/intake.ts";
import { listUser, unlistUser } from "./bus/accounts.ts";
import { watchLogins } from "./bus/login1.ts";
import { makeMethods } from "./bus/methods.ts";
import { reloadPolicy } from "./bus/bus-daemon.ts";
import { PendingCalls } from "./bus/pending.ts";
import { Service } from "./bus/service.ts";
import { limitIfThere } from "./bus/systemd1.ts";
import { forgetUser, stopManager } from "./bus/user-units.ts";
import { sweepServices } from "./bus/sweep-services.ts";
import { readClock } from "./clock.ts";
import { loadConfig, SYSTEM_PATHS } from "./config/load.ts";
import { listMachineDefaults } from "./config/machine-defaults.ts";
import { DEFAULTS } from "./config/parse.ts";
import type { Config } from "./config/schema.ts";
import { Configuration } from "./configuration.ts";
import { DaemonLink } from "./daemon-link.ts";
import type { EffectRunner } from "./daemon.ts";
import { Daemon, runnerOf } from "./daemon.ts";
import { makeRunners } from "./effects.ts";
import { explain } from "./explanation.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { EXIT_AGAIN, EXIT_IDLE, IdleWatch } from "./idle.ts";
import type { Translator } from "./translator.ts";
import { makeTranslator } from "./translator.ts";
import { makeCgroupSearch } from "./login-cgroups.ts";
import { LoginChecks } from "./login-checks.ts";
import { askMachine, RULES } from "./login-machine.ts";
import { warnOfRules } from "./login-rules.ts";
import { noticeInForce } from "./notice-in-force.ts";
import { reaperOf } from "./policy/session.ts";
import { SWITCH } from "./policy/subject.ts";
import { sweepPrivate } from "./policy/swept-paths.ts";
import { isWalkDue } from "./policy/walking.ts";
import { publishConfig } from "./publish-config.ts";
import { makeSessionParts, type SessionNeeds } from "./session-parts.ts";
import { findLeftovers } from "./startup.ts";
import { Leases } from "./system/accounts/leases.ts";
import { findGroup } from "./system/accounts/nss.ts";
import { wasAnnounced } from "./system/announcements.ts";
import type { Abilities, Bindings } from "./system/bindings.ts";
import { Greeters } from "./system/greeters.ts";
import type { Journal } from "./system/journal.ts";
import { Turns } from "./lanes.ts";
import { readUidMap } from "./system/read-uid-map.ts";
import { Cgroups } from "./system/processes/cgroups.ts";
import { endProcesses, listProcesses, type ProcessTable } from "./system/processes/kill.ts";
import { startsService } from "./system/processes/service-start.ts";
import { gatherFacts } from "./system/sessions/facts.ts";
import { makeSessionId } from "./system/sessions/session-id.ts";
import { takeUpSession } from "./system/sessions/take-up.ts";
import { Ledger } from "./system/state/ledger.ts";
import { ReceiptStore } from "./system/state/receipt-store.ts";
import { SessionStore } from "./system/state/session-store.ts";
import { SwitchStore } from "./system/state/switch-store.ts";
import { PathWalk } from "./system/sweep/path-walk.ts";
import { Sweeper } from "./system/sweep/sweep.ts";
import { sweepUid, type UidSweepParts } from "./system/sweep/uid-sweep.ts";
import { UnlockMarks } from "./system/unlock-marks.ts";
import { VERSION } from "./version.ts";
import { poll } from "./wait.ts";

const SWEEP_LIMIT_MS = 20_000;
const INTROSPECTION = "/usr/share/dbus-1/interfaces/org.guestd1.xml";

export interface ApplicationParts {
  readonly bus: MessageBus;
  readonly intake: Intake;
  readonly bindings: Bindings;
  readonly journal: Journal;
  /** guestd has been idle long enough, and should exit. */
  readonly onIdle: (status: number) => void;
  /** For tests that inject faults. */
  readonly decorate: (runner: EffectRunner) => EffectRunner;
}

export interface Application {
  /** Loads the configuration, begins to take up sessions, then answers on the bus. */
  readonly start: () => Promise<void>;
  readonly reload: () => void;
  /**
   * Waits for work in progress.
   * @param limitMs after that, work is left to the next guestd
   * @returns the exit status
   */
  readonly finish: (limitMs: number) => Promise<number>;
}

export function makeApplication(parts: ApplicationParts): Application {
  const { bus, intake, bindings, journal, onIdle, decorate } = parts;
  const report = (what: string, error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    journal.logDaemon("err", "call-failed", `Failed at ${what}: ${text}`);
  };
  const link = new DaemonLink();
  const abilities = bindings.probe();
  const core: Core = { bus, bindings, abilities, journal, report, link };
  const stores = {
    store: new SessionStore(),
    ledger: new Ledger(),
    receipts: new ReceiptStore(),
    loginSwitch: new SwitchStore(),
    offers: new Greeters({
      listUser: (user) => listUser(bus, user),
      unlistUser: (user) => unlistUser(bus, user),
    }),
    leases: new Leases(),
    marks: new UnlockMarks(),
  };
  const pending = new PendingCalls();
  const sessions = makeSessionParts(core);
  const translator = makeTranslator();
  const configuration = new Configuration({
    load: () => loadConfig(SYSTEM_PATHS, 0, listMachineDefaults(abilities)),
    journal,
    onLoaded: (loaded, terms) => {
      const config = translator.config(loaded);
      link.dispatch({ kind: "config-loaded", config, notice: noticeInForce(config, terms) });
      publishConfig(config, { leases: stores.leases, reloadPolicy: () => reloadPolicy(bus) }, report);
    },
  });
  const service = makeService(core, {
    intake,
    pending,
    configuration,
    receipts: stores.receipts,
    cgroups: sessions.cgroups,
    translator,
  });
  const runner = makeRunner(core, { ...stores, ...sessions, pending, service });
  const daemon = new Daemon({ runEffect: decorate(runner), journal, clock: readClock });
  link.connect(daemon);
  const isWorking = () => service.isBusy || daemon.isBusy;
  const greetersTold = () => daemon.finish(SWITCH);
  const idle = new IdleWatch({
    isWorking,
    isBusy: () => isWorking() || daemon.state.sessions.size > 0 || isWalkDue(daemon.state) || configuration.isEarlier,
    limit: () => settingsOf(link).Daemon.IdleExit * 1e6,
    giveUpName: () => service.giveUpName(),
    onIdle,
  });
  return {
    start: () => start(core, { ...stores, ...sessions, configuration, service, idle, isWorking, greetersTold }),
    reload: () => {
      configuration.load();
    },
    finish: async (limitMs) => {
      // systemd stops a service that releases its name. This one exits by itself.
      if (idle.isLeaving) return new Promise<number>(() => undefined);
      await poll(() => !isWorking(), limitMs);
      return daemon.state.sessions.size > 0 ? EXIT_AGAIN : EXIT_IDLE;
    },
  };
}

interface Core extends SessionNeeds {
  readonly abilities: Abilities;
  readonly journal: Journal;
}

type Stores = Pick<
  Parameters<typeof makeRunners>[0],
  "store" | "ledger" | "receipts" | "loginSwitch" | "offers" | "leases" | "marks"
>;
type Sessions = ReturnType<typeof makeSessionParts>;

/** While the configuration has errors, the defaults apply. */
const settingsOf = ({ state }: DaemonLink): Config => state.config ?? DEFAULTS;

interface ServiceNeeds {
  readonly intake: Intake;
  readonly pending: PendingCalls;
  readonly configuration: Configuration;
  readonly receipts: ReceiptStore;
  readonly cgroups: Cgroups;
  readonly translator: Translator;
}

function makeService({ bus, abilities, journal, report, link }: Core, needs: ServiceNeeds): Service {
  const { overlay } = abilities;
  const machine = askMachine(abilities);
  const checks = new LoginChecks(() => link.state, machine);
  const methods = makeMethods({
    ...needs,
    version: VERSION,
    state: () => link.state,
    dispatch: (event) => {
      link.dispatch(event);
    },
    newId: makeSessionId,
    random: () => randomBytes(4).readUInt32LE(),
    findGid: async () => (link.state.config === undefined ? undefined : findGroup(link.state.config.Guests.Group)),
    cgroupOf: (pid) => needs.cgroups.pathOf(pid) ?? "",
    listProcesses: ({ cgroups, view }) => listProcesses(needs.cgroups, { cgroups, reaper: reaperOf(view) }),
    startsService: (pid) => startsService(pid),
    gatherFacts: (pid, home) => gatherFacts(link.state.config, { pid, home, overlay }),
    explain: (user, service) => explain(link.state, user, service, machine),
    checkLogins: () => checks.check(),
    translate: needs.translator.refusal,
  });
  return new Service({
    bus,
    intake: needs.intake,
    methods,
    introspection: readFileSync(INTROSPECTION, "utf8"),
    onDenied: (member, reason) => {
      journal.logDaemon("warning", "call-denied", `Denied ${member}: ${reason}`);
    },
    onFault: report,
  });
}

function makeRunner(
  { bus, bindings, link }: Core,
  parts: Stores & Sessions & { readonly pending: PendingCalls; readonly service: Service },
): EffectRunner {
  const { cgroups, looks, uidLooks } = parts;
  const sweeper = new Sweeper({ bindings, looks, ...sweepServices(bus) });
  const uidParts: UidSweepParts = {
    bindings,
    cgroups,
    checkForeign: (account) => parts.leases.checkForeign(account),
    sweeper: { sweep: (...whose) => sweeper.sweep(...whose, uidLooks) },
    search: uidLooks.searchHolders,
    searchMembers: uidLooks.searchMembers,
  };
  const turns = new Turns();
  const inTurn: ProcessTable["inTurn"] = (work) => turns.take(work);
  const table: ProcessTable = { proc: "/proc", cgroups, bindings, search: looks.searchMembers, inTurn };
  const runners = makeRunners({
    ...parts,
    takeUp: (...which) => takeUpSession(parts, ...which),
    listProcesses: (membership) => listProcesses(cgroups, membership),
    endProcesses: (...which) => endProcesses(table, ...which),
    sweeper,
    pathWalk: new PathWalk({ bindings, checkForeign: (uid) => parts.leases.checkForeign({ user: "", uid }) }),
    sweepUid: (...which) => sweepUid(uidParts, ...which),
    wasAnnounced,
    warnOfRules: (login) => warnOfRules(login, RULES),
    settings: () => sweepPrivate(settingsOf(link)),
    users: {
      limit: ({ path }, limits) => limitIfThere(bus, basename(path), limits),
      stopManager: (uid) => stopManager(bus, uid),
      terminate: (uid) => forgetUser(bus, uid),
    },
    greeters: { list: (user) => listUser(bus, user), unlist: (user) => unlistUser(bus, user) },
  });
  return runnerOf(runners);
}

interface StartNeeds extends Stores, Sessions {
  readonly configuration: Configuration;
  readonly service: Service;
  readonly idle: IdleWatch;
  readonly isWorking: () => boolean;
  readonly greetersTold: () => Promise<void>;
}

async function start({ bus, journal, report, link }: Core, needs: StartNeeds): Promise<void> {
  const { configuration, placement, connections, service, idle, fdStore, isWorking, greetersTold } = needs;
  const findCgroups = makeCgroupSearch(link, placement, report);
  configuration.load();
  await watchLogins(bus, findCgroups);
  const events = await findLeftovers({ ...needs, readUidMap, journal });
  for (const event of events) link.dispatch(event);
  // New guests wait for the sweep of the previous boot's sessions.
  if (events.some((event) => event.kind === "record-found" && event.cause === "lost-power"))
    await poll(() => !isWorking(), SWEEP_LIMIT_MS);
  // A waiting display manager starts when guestd answers (guestd-greeters.service), and its greeter reads data.
  await greetersTold();
  await service.start();
  // All sessions have been taken up.
  startHeartbeat({
    onTick: (uptime) => {
      link.dispatch({ kind: "tick" });
      connections.look([...link.state.sessions.values()]);
      idle.check(uptime);
    },
    clock: readClock,
    fdStore,
    report: (error) => {
      report("the service manager", error);
    },
  });
  // For sessions recorded before logind moved their leaders.
  findCgroups();
  const { size } = link.state.sessions;
  journal.logDaemon("notice", "daemon-started", `guestd ${VERSION} is ready; sessions taken up: ${size}.`);
}
