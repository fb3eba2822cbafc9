// Reapers: the first processes of sessions' PID namespaces (native/reaper.c).
import { closeSync } from "node:fs";
import type { Bindings } from "../bindings.ts";
import type { Cgroups } from "../processes/cgroups.ts";
import { sendKill } from "../processes/kill.ts";
import { readIfThere } from "../read-file.ts";
import type { Held } from "./held.ts";
import { idOfScope } from "./session-id.ts";

export interface ReaperParts {
  readonly bindings: Pick<Bindings, "openPidfd" | "watchPidfd" | "sendSignal" | "reap">;
  readonly cgroups: Cgroups;
  /** The session can start no process any more. */
  readonly onExit: (id: string) => void;
  readonly proc?: string;
}

export class Reapers {
  readonly #parts: ReaperParts;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  watch(id: string, held: Held): void {
    if (held.reaper === undefined) return;
    held.reaperWatch = this.#parts.bindings.watchPidfd(held.reaper, () => {
      this.#parts.onExit(id);
    });
  }

  /**
   * Kills the reaper, and with it everything in its PID namespace.
   * @returns resolves when it has ended, if it is guestd's child
   */
  end(held: Held): Promise<void> {
    const { bindings } = this.#parts;
    const { reaper } = held;
    if (reaper === undefined) return Promise.resolve();
    sendKill(bindings, reaper);
    if (bindings.reap(reaper)) return Promise.resolve();
    // A reaper ends after all processes of its namespace, maybe after the descriptor is closed.
    delete held.reaper;
    return new Promise((resolve) => {
      bindings.watchPidfd(reaper, () => {
        bindings.reap(reaper);
        closeSync(reaper);
        resolve();
      });
    });
  }

  /**
   * At the start: kills reapers of unknown sessions. Their guestd was killed before it recorded them. Their logins were
   * refused, but they still hold views.
   * @param known ids of sessions that exist, or may exist
   * @returns the names of their scopes
   */
  killOrphans(known: ReadonlySet<string>): string[] {
    const { cgroups } = this.#parts;
    // A leased session is recorded before it has a scope, so only shared ones can be unknown.
    const orphans = cgroups.listNames("/user.slice").filter((name) => {
      const id = idOfScope(name);
      return id !== undefined && !known.has(id);
    });
    // The leader may still tell its guest something.
    return orphans.filter((name) => this.#list(`/user.slice/${name}`).filter((pid) => this.#kill(pid)).length > 0);
  }

  #list(path: string): number[] {
    const { cgroups } = this.#parts;
    const cgroup = cgroups.find(path);
    return cgroup === undefined ? [] : cgroups.list(cgroup);
  }

  /** False if another process has the PID. */
  #kill(pid: number): boolean {
    const { bindings, proc = "/proc" } = this.#parts;
    let pidfd;
    try {
      pidfd = bindings.openPidfd(pid);
    } catch {
      return false;
    }
    try {
      const status = readIfThere(`${proc}/${pid}/status`) ?? "";
      const isReaper = /^Name:\tguest-reaper\n[^]*^Uid:\t0\t0\t0\t0$/m.test(status);
      if (isReaper) sendKill(bindings, pidfd);
      return isReaper;
    } finally {
      closeSync(pidfd);
    }
  }
}
