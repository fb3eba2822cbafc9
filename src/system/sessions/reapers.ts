// The reapers of sessions: the first processes of their PID namespaces (native/reaper.c). They are watched, killed, and
// taken away when they have ended.
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
  /** A session's reaper has exited: nothing can be started in the session any more. */
  readonly onExit: (id: string) => void;
  /** /proc, but for tests. */
  readonly proc?: string;
}

export class Reapers {
  readonly #parts: ReaperParts;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  /** Watches the reaper that is held of a session, if one is. */
  watch(id: string, held: Held): void {
    if (held.reaper === undefined) return;
    held.reaperWatch = this.#parts.bindings.watchPidfd(held.reaper, () => {
      this.#parts.onExit(id);
    });
  }

  /**
   * Kills the reaper that is held, and by it all in its PID namespace.
   * @returns resolves when it has ended, if it is a child of ours
   */
  end(held: Held): Promise<void> {
    const { bindings } = this.#parts;
    const { reaper } = held;
    if (reaper === undefined) return Promise.resolve();
    sendKill(bindings, reaper);
    if (bindings.reap(reaper)) return Promise.resolve();
    // A reaper is gone when all that were in its namespace are: that may be later, and the descriptor is closed then.
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
   * At the start: kills the reapers in scopes of unknown sessions. An earlier guestd was killed before it had written
   * them down; their logins were refused, but what holds their views is still there.
   * @param known ids of the sessions that there are, or may be
   * @returns the names of the scopes
   */
  killOrphans(known: ReadonlySet<string>): string[] {
    const { cgroups } = this.#parts;
    // Of a leased account all is written down before: only sessions of shared ones can be unknown.
    const orphans = cgroups.listNames("/user.slice").filter((name) => {
      const id = idOfScope(name);
      return id !== undefined && !known.has(id);
    });
    // Not the leader: it may have something to tell its guest.
    return orphans.filter((name) => this.#list(`/user.slice/${name}`).filter((pid) => this.#kill(pid)).length > 0);
  }

  #list(path: string): number[] {
    const { cgroups } = this.#parts;
    const cgroup = cgroups.find(path);
    return cgroup === undefined ? [] : cgroups.list(cgroup);
  }

  /** Kills a reaper that is not held; false when the pid is another process. */
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
