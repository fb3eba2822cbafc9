// Builds, takes up, measures, wipes and closes views.
import { closeSync, constants, openSync } from "node:fs";
import type { EffectOf, FoundOf } from "../../policy/effects.ts";
import type { Cgroup, Leader, View } from "../../policy/session.ts";
import { hasProcesses, labelOf } from "../../policy/session.ts";
import type { Step } from "../../policy/steps.ts";
import type { SessionSubject } from "../../policy/subject.ts";
import { within } from "../../wait.ts";
import type { Bindings, BuiltView } from "../bindings.ts";
import { Lanes } from "../../lanes.ts";
import type { Cgroups } from "../processes/cgroups.ts";
import type { SearchHolders } from "../processes/holder-search.ts";
import { searchHolders } from "../processes/holder-search.ts";
import { findHolders } from "../processes/holders.ts";
import type { Held } from "./held.ts";
import { closeHeld, holdView, namespacesOf, takeUpView } from "./held.ts";
import type { Holdings } from "./holdings.ts";
import type { Reapers } from "./reapers.ts";
import { wipeMemory } from "./wipe.ts";

export interface ViewParts {
  readonly bindings: Pick<Bindings, "openPidfd" | "buildView" | "measureView" | "wipeView" | "emptyIpc">;
  readonly cgroups: Pick<Cgroups, "add">;
  readonly holdings: Holdings;
  readonly reapers: Pick<Reapers, "watch" | "end">;
  readonly search?: SearchHolders;
  /** Executable of the reaper, at a path that guests cannot change. */
  readonly reaperProgram?: string;
  readonly buildLimitMs?: number;
}

const REAPER = "/usr/lib/guestd/guest-reaper";
const BUILD_LIMIT_MS = 4000;
/** For a failed build's reaper, alone in its namespace. */
const UNDO_LIMIT_MS = 1000;

export class Views {
  readonly #parts: ViewParts;
  // Each wipe has a thread.
  readonly #wiping = new Lanes(4);

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /**
   * Builds a view from the leader's mount namespace. A failure leaves nothing, because no later stage knows of it.
   * @param reaperCgroup for the first process of a PID namespace
   */
  async build(
    id: string,
    plan: readonly Step[],
    isolated: boolean,
    reaperCgroup: Cgroup | undefined,
  ): Promise<FoundOf<"build-view">> {
    const { holdings, reapers } = this.#parts;
    const pidfd = holdings.find(id)?.pidfd;
    if (pidfd === undefined) throw new Error("the leader is not watched");
    const built = await this.#buildInTime(id, pidfd, plan, isolated);
    const own: Held = {};
    const view = await this.#place(own, built, reaperCgroup);
    reapers.watch(id, Object.assign(holdings.of(id), own));
    holdings.store(id);
    return { view, dropped: built.dropped };
  }

  /**
   * @param recorded by an earlier guestd
   * @returns undefined if the view cannot be identified
   */
  takeUp(id: string, leader: Leader, recorded: View | undefined): View | undefined {
    const { bindings, holdings, reapers } = this.#parts;
    const held = holdings.of(id);
    const view =
      recorded === undefined ? undefined : takeUpView(held, bindings, leader.pid, recorded, holdings.storedOf(id));
    reapers.watch(id, held);
    return view;
  }

  /**
   * Finds other holders of the view's memory, wipes it, then closes view and leader. May be called again.
   * @param tmpfs paths to wipe, and `devices` their devices
   */
  async drop(
    { id, uid }: Pick<SessionSubject, "id" | "uid">,
    { leased, tmpfs, devices, isLost }: Pick<EffectOf<"drop-view">, "leased" | "tmpfs" | "devices" | "isLost">,
  ): Promise<FoundOf<"drop-view">> {
    const { bindings, holdings, search = searchHolders } = this.#parts;
    const held = holdings.find(id) ?? {};
    const tmpfsBytes = this.#measure(held, tmpfs, devices);
    // After closing, devices and namespaces can be reused.
    const criteria = {
      label: labelOf(id),
      devices: isLost ? undefined : devices,
      uid: leased ? uid : undefined,
      namespaces: namespacesOf(held),
    };
    const holders = await findHolders(search, criteria);
    const memory = { view: held.view, ipc: held.ipc, tmpfs, devices };
    const swept = await this.#wiping.run(() => wipeMemory(bindings, memory, holders));
    // systemd keeps its copies until the findings are saved: the next guestd may look again.
    this.#close(id);
    return { tmpfsBytes, swept };
  }

  /** Makes systemd close its copies, too. May be called again. */
  letGo(id: string): void {
    this.#close(id);
    this.#parts.holdings.forget(id);
  }

  #close(id: string): void {
    const held = this.#parts.holdings.take(id);
    void this.#parts.reapers.end(held);
    closeHeld(held);
  }

  // A restart would kill a reaper in guestd's cgroup.
  async #place(held: Held, built: BuiltView, cgroup: Cgroup | undefined): Promise<View> {
    try {
      const view = holdView(held, built);
      if (hasProcesses(view.isolation) && cgroup !== undefined)
        this.#parts.cgroups.add(cgroup, view.isolation.reaper.pid);
      return view;
    } catch (error) {
      await this.#undo(held);
      throw error;
    }
  }

  // Waits for the reaper, or its mounts would be reported as left.
  async #undo(held: Held): Promise<void> {
    await within(this.#parts.reapers.end(held), UNDO_LIMIT_MS, () => undefined);
    closeHeld(held);
  }

  // Failing to measure is no reason to doubt an end.
  #measure({ view }: Held, tmpfs: readonly string[], devices: readonly string[]): number {
    try {
      return view === undefined ? 0 : this.#parts.bindings.measureView(view, tmpfs, devices);
    } catch {
      return 0;
    }
  }

  // The builder may hang at a skeleton on a dead file server. The refusal must not wait.
  async #buildInTime(id: string, pidfd: number, plan: readonly Step[], isolated: boolean): Promise<BuiltView> {
    const { bindings, reaperProgram = REAPER, buildLimitMs = BUILD_LIMIT_MS } = this.#parts;
    const reaper = isolated ? openSync(reaperProgram, constants.O_RDONLY) : undefined;
    const building = bindings.buildView(pidfd, plan, labelOf(id), reaper);
    try {
      return await within(building, buildLimitMs, () => {
        void this.#discard(building);
        throw new Error(`the view was not ready after ${buildLimitMs} ms`);
      });
    } finally {
      if (reaper !== undefined) closeSync(reaper);
    }
  }

  async #discard(building: Promise<BuiltView>): Promise<void> {
    const held: Held = {};
    try {
      holdView(held, await building);
    } catch {
      // It failed, or its reaper has ended. Nothing is left.
    }
    await this.#undo(held);
  }
}
