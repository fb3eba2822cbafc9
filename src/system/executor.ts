// The hands: watches leaders, builds and drops views, kills processes. Holds the descriptors of each session;
// decides nothing.
import { closeSync, readFileSync } from "node:fs";
import type { Outcome, Subject } from "../policy/events.ts";
import { GuestError } from "../policy/errors.ts";
import type { View } from "../policy/session.ts";
import type { Step } from "../policy/steps.ts";
import type { Bindings, BuiltView, Watch } from "./bindings.ts";
import type { ProcessTable } from "./processes.ts";
import { killProcesses } from "./processes.ts";

/** What the executor must ask others; each bounded by whom it asks. */
export interface Surroundings {
  /** Whether a unique bus name still exists. */
  readonly nameExists: (busName: string) => Promise<boolean>;
  /** The unit that logind made for a leader, if it made one. */
  readonly findScope: (leader: number) => Promise<string | undefined>;
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

export class Executor {
  readonly #bindings: Bindings;
  readonly #table: ProcessTable;
  readonly #around: Surroundings;
  readonly #handles = new Map<string, Handles>();

  constructor(bindings: Bindings, around: Surroundings) {
    this.#bindings = bindings;
    this.#table = { proc: "/proc", cgroups: ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], bindings };
    this.#around = around;
  }

  /**
   * Watches a session's leader.
   * The pidfd is opened first and the caller's bus name looked at after: while the name exists, the pid is the
   * caller's own, so no other process can have got it in between (pid re-use).
   * @param startTime of an earlier look at this leader, 0 for a new one
   * @param busName of the leader's call; "" where there is none any more
   * @throws GuestError LeaderGone when it has ended or is another process
   */
  async watchLeader({ id }: Subject, pid: number, startTime: number, busName: string): Promise<Outcome> {
    const gone = new GuestError("LeaderGone", `The process ${pid} has ended.`);
    const handles = this.#of(id);
    handles.pidfd = this.#openPidfd(pid, gone);
    const found = readStartTime(pid);
    if (found === undefined || (startTime !== 0 && found !== startTime)) throw gone;
    if (busName !== "" && !(await this.#around.nameExists(busName))) throw gone;
    handles.watch = this.#bindings.watchPidfd(handles.pidfd, () => {
      this.#around.onLeaderExit(id);
    });
    return { startTime: found };
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

  /** Kills all of a session, the leader with it where it is inside. */
  async killProcesses(leader: number, view: View | undefined, scope: string | undefined): Promise<Outcome> {
    const unit = scope ?? (await this.#around.findScope(leader));
    const belonging = { namespace: view?.inode, devices: view?.devices ?? [], scope: unit };
    const { killed, left } = await killProcesses(this.#table, belonging, KILL_LIMIT_MS);
    return { found: { processesKilled: killed, left: left.map((pid) => `process ${pid} does not end`) } };
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
