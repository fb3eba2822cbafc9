// The hands: watches leaders, puts them into their cgroups, builds and drops views, kills processes.
// Holds the descriptors of each session; decides nothing.
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Outcome, Subject } from "../policy/events.ts";
import { GuestError } from "../policy/errors.ts";
import type { Cgroup, Leader, View } from "../policy/session.ts";
import { isSessionPath, scopeName } from "../policy/session.ts";
import type { Step } from "../policy/steps.ts";
import type { Bindings, BuiltView, Watch } from "./bindings.ts";
import type { Cgroups } from "./cgroups.ts";
import { killProcesses } from "./processes.ts";

/** What the executor must ask others; each bounded by whom it asks. */
export interface Surroundings {
  /** Whether a unique bus name still exists. */
  readonly nameExists: (busName: string) => Promise<boolean>;
  /** Has a leader put into the scope unit of its session. */
  readonly startScope: (id: string, leader: number) => Promise<void>;
  /** Path of the cgroup that logind made for a leader which has ended; `since` in microseconds of the monotonic clock. */
  readonly findLoginCgroup: (leader: number, uid: number, since: number) => Promise<string | undefined>;
  /** A leader has exited. */
  readonly onLeaderExit: (id: string) => void;
}

interface Handles {
  pidfd?: number;
  watch?: Watch;
  view?: number;
}

const BUILD_LIMIT_MS = 4000;
const KILL_LIMIT_MS = 10_000;
const MOVE_LIMIT_MS = 2500;
const MOST_PAUSE_MS = 50;

export class Executor {
  readonly #bindings: Bindings;
  readonly #cgroups: Cgroups;
  readonly #around: Surroundings;
  readonly #handles = new Map<string, Handles>();

  constructor(bindings: Bindings, cgroups: Cgroups, around: Surroundings) {
    this.#bindings = bindings;
    this.#cgroups = cgroups;
    this.#around = around;
  }

  /**
   * Watches a session's leader.
   * The pidfd is opened first and the caller's bus name looked at after: while the name exists, the pid is the
   * caller's own, so no other process can have got it in between (pid re-use).
   * @param startTime of an earlier look at this leader, 0 for a new one
   * @param busName of the leader's call; "" where there is none any more
   * @param recorded the view of the session at that earlier look
   * @throws GuestError LeaderGone when it has ended or is another process
   */
  async watchLeader({ id }: Subject, pid: number, startTime: number, busName: string, recorded: View | undefined): Promise<Outcome> {
    const gone = new GuestError("LeaderGone", `The process ${pid} has ended.`);
    const pidfd = this.#openPidfd(pid, gone);
    try {
      const found = readStartTime(pid);
      if (found === undefined || (startTime !== 0 && found !== startTime)) throw gone;
      if (busName !== "" && !(await this.#around.nameExists(busName))) throw gone;
      const handles = this.#of(id);
      const view = recorded === undefined ? undefined : this.#takeUpView(handles, pid, recorded);
      handles.watch = this.#bindings.watchPidfd(pidfd, () => {
        this.#around.onLeaderExit(id);
      });
      handles.pidfd = pidfd;
      return { startTime: found, ...(view === undefined ? {} : { view }) };
    } catch (error) {
      closeSync(pidfd);
      throw error;
    }
  }

  /**
   * Puts a session's leader into a cgroup of the session's own, and waits until it is there.
   * @throws Error when systemd has not moved it within 2.5 s
   */
  async encloseLeader({ id }: Subject, pid: number): Promise<Outcome> {
    await this.#around.startScope(id, pid);
    const cgroup = await this.#awaitMove(id, pid, (path) => path.endsWith(`/${scopeName(id)}`));
    if (cgroup === undefined) throw new Error(`systemd has not put process ${pid} into ${scopeName(id)}`);
    return { cgroup };
  }

  /**
   * Waits for logind to move a leader on to a cgroup of a login session.
   * @param known paths of those that it was in before
   * @returns the new one; undefined when it is not moved, or has ended
   */
  async awaitLoginCgroup(id: string, pid: number, known: readonly string[]): Promise<Cgroup | undefined> {
    return this.#awaitMove(id, pid, (path) => !known.includes(path));
  }

  /** Builds a session's view from its leader's mount namespace. */
  async buildView({ id }: Subject, plan: readonly Step[]): Promise<Outcome> {
    const { pidfd } = this.#of(id);
    if (pidfd === undefined) throw new Error("the leader is not watched");
    const built = await this.#buildInTime(pidfd, plan);
    this.#of(id).view = built.fd;
    const view: View = {
      inode: built.inode,
      path: `/proc/${process.pid}/fd/${built.fd}`,
      devices: built.tmpfs.map(({ device }) => device),
      skipped: built.skipped,
    };
    return { view };
  }

  /** Kills all of a session, the leader with it. */
  async killProcesses(subject: Subject, leader: Leader, openedUptime: number, view: View | undefined, cgroups: readonly Cgroup[]): Promise<Outcome> {
    const { id, uid } = subject;
    const belonging = {
      cgroups: await this.#withLoginCgroup(cgroups, leader, uid, openedUptime),
      // Only a view whose descriptor is held has numbers that are nobody else's.
      view: view === undefined || this.#of(id).view === undefined ? undefined : { namespace: view.inode, devices: view.devices },
    };
    const table = { proc: "/proc", cgroups: this.#cgroups, bindings: this.#bindings };
    const { killed, left } = await killProcesses(table, belonging, KILL_LIMIT_MS);
    return { found: { processesKilled: killed, left } };
  }

  /** Lets go of all that holds a session's view and leader. May be called again. */
  dropView({ id }: Subject): void {
    const { pidfd, watch, view } = this.#of(id);
    this.#handles.delete(id);
    watch?.stop();
    for (const fd of [pidfd, view]) {
      if (fd !== undefined) closeSync(fd);
    }
  }

  #of(id: string): Handles {
    let handles = this.#handles.get(id);
    if (handles === undefined) {
      handles = {};
      this.#handles.set(id, handles);
    }
    return handles;
  }

  // A leader that has ended before its move was seen: logind still knows where it put it.
  // Not of a pid that is another process by now: logind's session would be that one's.
  async #withLoginCgroup(cgroups: readonly Cgroup[], leader: Leader, uid: number, openedUptime: number): Promise<readonly Cgroup[]> {
    if (cgroups.length !== 1 || ![undefined, leader.startTime].includes(readStartTime(leader.pid))) return cgroups;
    const path = await this.#around.findLoginCgroup(leader.pid, uid, openedUptime);
    const found = path === undefined || !isSessionPath(path) ? undefined : this.#cgroups.find(path);
    return found === undefined ? cgroups : [...cgroups, found];
  }

  async #awaitMove(id: string, pid: number, isTarget: (path: string) => boolean): Promise<Cgroup | undefined> {
    const end = performance.now() + MOVE_LIMIT_MS;
    for (let pause = 1; ; pause = Math.min(2 * pause, MOST_PAUSE_MS)) {
      const late = performance.now() > end;
      const path = this.#cgroups.pathOf(pid);
      // The pidfd says whether what was read is still about the leader.
      if (path === undefined || !this.#isAlive(id)) return undefined;
      if (isSessionPath(path) && isTarget(path)) return this.#cgroups.find(path);
      if (late) return undefined;
      await delay(pause);
    }
  }

  #isAlive(id: string): boolean {
    const pidfd = this.#handles.get(id)?.pidfd;
    try {
      if (pidfd !== undefined) this.#bindings.sendSignal(pidfd, 0);
      return pidfd !== undefined;
    } catch {
      return false;
    }
  }

  // The leader of a session has been in its view ever since: as long as it is there, that namespace is the recorded
  // one. A leader that is in another one now made that itself: it is nobody's to join or to look for.
  #takeUpView(handles: Handles, pid: number, recorded: View): View | undefined {
    const fd = openSync(`/proc/${pid}/ns/mnt`, constants.O_RDONLY);
    if (fstatSync(fd).ino !== recorded.inode) {
      closeSync(fd);
      return undefined;
    }
    handles.view = fd;
    return { ...recorded, path: `/proc/${process.pid}/fd/${fd}` };
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
  async #buildInTime(pidfd: number, plan: readonly Step[]): Promise<BuiltView> {
    let timer: NodeJS.Timeout | undefined;
    let late = false;
    const building = this.#bindings.buildView(pidfd, plan);
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late = true;
        reject(new Error(`the view was not ready after ${BUILD_LIMIT_MS} ms`));
      }, BUILD_LIMIT_MS);
    });
    building.then(
      (built) => {
        if (late) closeSync(built.fd);
      },
      () => undefined,
    );
    try {
      return await Promise.race([building, limit]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Start time of a process in clock ticks since boot (proc_pid_stat(5), field 22); undefined when it is gone. */
export function readStartTime(pid: number, proc = "/proc"): number | undefined {
  try {
    const stat = readFileSync(`${proc}/${pid}/stat`, "utf8");
    // The command's name may hold blanks and brackets: fields are counted from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[19]);
  } catch {
    return undefined;
  }
}
