// The hands: watches leaders, builds and drops views, kills processes. Decides nothing.
import { closeSync, constants, openSync } from "node:fs";
import type { Effect, Outcome, Subject } from "../../policy/events.ts";
import { GuestError } from "../../policy/errors.ts";
import type { Cgroup, Leader, View } from "../../policy/session.ts";
import { labelOf } from "../../policy/session.ts";
import type { Step } from "../../policy/steps.ts";
import type { Bindings, BuiltView, Watch } from "../bindings.ts";
import type { Cgroups } from "../processes/cgroups.ts";
import type { FdStore } from "./fd-store.ts";
import type { Held, Kind } from "./held.ts";
import { holdView, KINDS, letGo, namespacesOf, openProcess, readStartTime, takeUpView } from "./held.ts";
import type { SearchHolders } from "../processes/holder-search.ts";
import { searchHolders } from "../processes/holder-search.ts";
import { findHolders } from "../processes/holders.ts";
import { endProcesses } from "../processes/kill.ts";
import { within } from "../../wait.ts";
import { readIfThere } from "../read-file.ts";
import { wipeMemory } from "./wipe.ts";

/** What the executor must ask others; each bounded by whom it asks. */
export interface Surroundings {
  /** Whether a unique bus name still exists. */
  readonly nameExists: (busName: string) => Promise<boolean>;
  /** A leader has exited. */
  readonly onLeaderExit: (id: string) => void;
  /** systemd could not be told of a descriptor. */
  readonly onStoreFault: (error: unknown) => void;
}

/** First process of a PID namespace; nothing that a guest can reach is looked for. */
const REAPER = "/usr/lib/guestd/guest-reaper";
const BUILD_LIMIT_MS = 4000;
const SIGKILL = 9;

export class Executor {
  readonly #bindings: Bindings;
  readonly #cgroups: Cgroups;
  readonly #fdStore: FdStore;
  readonly #around: Surroundings;
  readonly #search: SearchHolders;
  readonly #held = new Map<string, Held>();

  constructor(
    bindings: Bindings,
    cgroups: Cgroups,
    fdStore: FdStore,
    around: Surroundings,
    search: SearchHolders = searchHolders,
  ) {
    this.#bindings = bindings;
    this.#cgroups = cgroups;
    this.#fdStore = fdStore;
    this.#around = around;
    this.#search = search;
  }

  /**
   * Watches the leader of a new session.
   * The pidfd is opened first and the caller's bus name looked at after: while the name exists, the pid is the
   * caller's own, so no other process can have got it in between (pid re-use).
   * @throws GuestError LeaderGone when it has ended
   */
  async watchLeader({ id }: Subject, pid: number, busName: string): Promise<Outcome> {
    const gone = new GuestError("LeaderGone", `The process ${pid} has ended.`);
    const pidfd = this.#openPidfd(pid, gone);
    try {
      const startTime = readStartTime(pid);
      if (startTime === undefined || !(await this.#around.nameExists(busName))) throw gone;
      this.#holdLeader(id, pidfd);
      return { startTime };
    } catch (error) {
      closeSync(pidfd);
      throw error;
    }
  }

  /**
   * Takes up a session of an earlier guestd: its view, and its leader.
   * @param recorded the view as it was then
   * @returns whether the leader has ended; also then the rest is to be found by what is held
   */
  takeUp({ id }: Subject, leader: Leader, recorded: View | undefined): Outcome {
    const stored = (kind: Kind) => this.#fdStore.take(`${id}-${kind}`);
    const view =
      recorded === undefined ? undefined : takeUpView(this.#of(id), this.#bindings, leader.pid, recorded, stored);
    this.#watchReaper(id);
    const pidfd = stored("pidfd") ?? openProcess(this.#bindings, leader);
    if (pidfd !== undefined) this.#holdLeader(id, pidfd);
    // A stop of guestd has emptied the store.
    this.#keep(id);
    return { ...(view === undefined ? {} : { view }), leaderGone: !this.isAlive(id) };
  }

  /** Whether the leader of a session is watched and still there. */
  isAlive(id: string): boolean {
    const pidfd = this.#held.get(id)?.pidfd;
    try {
      if (pidfd !== undefined) this.#bindings.sendSignal(pidfd, 0);
      return pidfd !== undefined;
    } catch {
      return false;
    }
  }

  /**
   * Builds a session's view from its leader's mount namespace.
   * @param reaperCgroup for a view with a PID namespace of its own: where its first process is put
   */
  async buildView(
    { id }: Subject,
    plan: readonly Step[],
    isolated: boolean,
    reaperCgroup: Cgroup | undefined,
  ): Promise<Outcome> {
    const { pidfd } = this.#of(id);
    if (pidfd === undefined) throw new Error("the leader is not watched");
    const built = await this.#buildInTime(id, pidfd, plan, isolated);
    const view = holdView(this.#of(id), built);
    this.#watchReaper(id);
    this.#keep(id);
    // Out of guestd's own cgroup, with which it would be killed at a restart.
    if (built.isolation !== undefined && reaperCgroup !== undefined)
      this.#cgroups.add(reaperCgroup, built.isolation.pid);
    return { view };
  }

  /**
   * Kills all of a session, the leader with it.
   * @param uid of an account that is the session's alone: whatever runs as it belongs to the session
   */
  async killProcesses(
    id: string,
    view: View | undefined,
    cgroups: readonly Cgroup[],
    uid: number | undefined,
  ): Promise<Outcome> {
    const held = this.#of(id);
    const belonging = {
      cgroups,
      // Only a view whose descriptor is held has numbers that are nobody else's.
      view:
        view === undefined || held.view === undefined ? undefined : { namespace: view.inode, devices: view.devices },
      uid,
      reaper: held.reaper === undefined ? undefined : { pid: view?.isolation?.reaper.pid ?? 0, pidfd: held.reaper },
    };
    return {
      found: await endProcesses({ proc: "/proc", cgroups: this.#cgroups, bindings: this.#bindings }, belonging),
    };
  }

  /**
   * Looks who else holds what a session's view had in memory, wipes that, then lets go of the view and of the leader. May be called again.
   * @param tmpfs the places in the view whose content is given back, and `devices` their devices
   * @param isLost it had a view, of which nothing is known any more
   * @returns how much that was, and what is still held
   */
  async dropView(
    { id, uid }: Subject,
    { leased, tmpfs, devices, isLost }: Omit<Effect & { kind: "drop-view" }, "kind" | "subject">,
  ): Promise<Outcome> {
    const held = this.#of(id);
    const tmpfsBytes = this.#measure(held, tmpfs, devices);
    // While the view is held its devices and namespaces are nobody else's.
    const wanted = {
      label: labelOf(id),
      devices: isLost ? undefined : devices,
      uid: leased ? uid : undefined,
      namespaces: namespacesOf(held),
    };
    const swept = await wipeMemory(
      this.#bindings,
      { view: held.view, tmpfs, devices },
      await findHolders(this.#search, wanted),
    );
    // Not systemd: until what was found is on disk, the next guestd must be able to look again.
    this.#drop(id);
    return { found: { tmpfsBytes, swept } };
  }

  /** Lets go of whatever is held of a session, and has systemd do so. May be called again. */
  release(id: string): void {
    this.#drop(id);
    for (const kind of KINDS) {
      this.#tellStore(() => {
        this.#fdStore.forget(`${id}-${kind}`);
      });
    }
  }

  #drop(id: string): void {
    const held = this.#of(id);
    this.#held.delete(id);
    this.#reap(held);
    letGo(held);
  }

  #holdLeader(id: string, pidfd: number): void {
    const held = this.#of(id);
    held.watch = this.#watch(id, pidfd);
    held.pidfd = pidfd;
  }

  // For the next guestd. Without it that one goes by pids and inodes, which is good as long as the session lives.
  #keep(id: string): void {
    const held = this.#of(id);
    this.#tellStore(() => {
      for (const kind of KINDS) if (held[kind] !== undefined) this.#fdStore.keep(`${id}-${kind}`, held[kind]);
    });
  }

  #tellStore(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#around.onStoreFault(error);
    }
  }

  #watch(id: string, pidfd: number): Watch {
    return this.#bindings.watchPidfd(pidfd, () => {
      this.#around.onLeaderExit(id);
    });
  }

  // Without it nothing can be started in the session any more: that is its end.
  #watchReaper(id: string): void {
    const held = this.#of(id);
    if (held.reaper !== undefined) held.reaperWatch = this.#watch(id, held.reaper);
  }

  #of(id: string): Held {
    let held = this.#held.get(id);
    if (held === undefined) {
      held = {};
      this.#held.set(id, held);
    }
    return held;
  }

  // How much it was is worth knowing, and no reason to doubt an end.
  #measure({ view }: Held, tmpfs: readonly string[], devices: readonly string[]): number {
    try {
      return view === undefined ? 0 : this.#bindings.measureView(view, tmpfs, devices);
    } catch {
      return 0;
    }
  }

  /** Kills the first process of a PID namespace that nobody knows any more; false when the pid is another process. */
  killReaper(pid: number): boolean {
    let pidfd;
    try {
      pidfd = this.#bindings.openPidfd(pid);
    } catch {
      return false;
    }
    try {
      const isReaper = /^Name:\tguest-reaper\n[^]*^Uid:\t0\t0\t0\t0$/m.test(readIfThere(`/proc/${pid}/status`) ?? "");
      if (isReaper) this.#sendKill(pidfd);
      return isReaper;
    } finally {
      closeSync(pidfd);
    }
  }

  // A reaper is gone when all that were in its namespace are: that may be later.
  #reap(held: Held): void {
    const { reaper } = held;
    if (reaper === undefined) return;
    this.#sendKill(reaper);
    if (this.#bindings.reap(reaper)) return;
    delete held.reaper;
    this.#bindings.watchPidfd(reaper, () => {
      this.#bindings.reap(reaper);
      closeSync(reaper);
    });
  }

  #sendKill(pidfd: number): void {
    try {
      this.#bindings.sendSignal(pidfd, SIGKILL);
    } catch {
      // It has ended already.
    }
  }

  #openPidfd(pid: number, gone: GuestError): number {
    try {
      return this.#bindings.openPidfd(pid);
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "ESRCH" ? gone : error;
    }
  }

  // A builder that hangs (a dead network file system under a skeleton) must not hold up the refusal; a view that
  // comes too late is closed.
  async #buildInTime(id: string, pidfd: number, plan: readonly Step[], isolated: boolean): Promise<BuiltView> {
    const reaper = isolated ? openSync(REAPER, constants.O_RDONLY) : undefined;
    const building = this.#bindings.buildView(pidfd, plan, labelOf(id), reaper);
    try {
      return await within(building, BUILD_LIMIT_MS, () => {
        building.then(
          (built) => {
            this.#discard(built);
          },
          () => undefined,
        );
        throw new Error(`the view was not ready after ${BUILD_LIMIT_MS} ms`);
      });
    } finally {
      if (reaper !== undefined) closeSync(reaper);
    }
  }

  #discard(built: BuiltView): void {
    const held: Held = {};
    try {
      holdView(held, built);
    } catch {
      // Of what it has got hold of nothing is to stay.
    }
    this.#reap(held);
    letGo(held);
  }
}
