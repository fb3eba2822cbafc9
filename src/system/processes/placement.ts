// Moves leaders into cgroups, and finds those that logind moves them to.
import type { Limits } from "../../config/schema.ts";
import type { Cgroup, Leader, Session } from "../../policy/session.ts";
import { isSessionPath, scopeName, sliceName } from "../../policy/session.ts";
import type { SessionSubject } from "../../policy/subject.ts";
import { poll } from "../../wait.ts";
import type { Cgroups } from "./cgroups.ts";
import { readStartTime } from "./identity.ts";

export interface PlacementParts {
  readonly cgroups: Cgroups;
  readonly isAlive: (id: string) => boolean;
  /** `uid` only for a leased account. */
  readonly startScope: (id: string, leader: number, uid: number | undefined, limits: Limits) => Promise<void>;
  /** Finds the cgroup of a leader that has ended; `since` in microseconds of the monotonic clock. */
  readonly findLoginCgroup: (leader: number, uid: number, since: number) => Promise<string | undefined>;
}

/** Desktops need three or four levels, containers a few more. */
const DEEPEST_TREE = 12;
const LARGEST_TREE = 2000;
const MOVE_LIMIT_MS = 2500;
/** A login waits: a look is at most a quarter late. */
const PAUSES = { first: 1, growth: 1.25 } as const;

export class Placement {
  readonly #parts: PlacementParts;

  constructor(parts: PlacementParts) {
    this.#parts = parts;
  }

  /**
   * Moves a leader into a cgroup, and waits until it is there.
   * @param leased the user's slice is the session's, too
   * @throws Error if systemd has not moved it within 2.5 s
   */
  async encloseLeader(
    { id, uid }: SessionSubject,
    pid: number,
    leased: boolean,
    limits: Limits,
  ): Promise<{ readonly cgroups: readonly [Cgroup, ...Cgroup[]] }> {
    const { cgroups, startScope } = this.#parts;
    await startScope(id, pid, leased ? uid : undefined, limits);
    const session = { account: { uid }, leased };
    const scope = await this.#awaitMove(
      id,
      pid,
      (path) => path.endsWith(`/${scopeName(id)}`) && isSessionPath(path, session),
    );
    if (scope === undefined) throw new Error(`systemd has not put process ${pid} into ${scopeName(id)}`);
    const slice = leased ? cgroups.find(`/user.slice/${sliceName(uid)}`) : undefined;
    if (leased && slice === undefined) throw new Error(`there is no cgroup of ${sliceName(uid)}`);
    if (slice !== undefined) cgroups.limitTree(slice, DEEPEST_TREE, LARGEST_TREE);
    return { cgroups: slice === undefined ? [scope] : [scope, slice] };
  }

  /**
   * Waits for logind to move a leader.
   * @returns undefined if it does not, or the leader has ended
   */
  async awaitLoginCgroup(session: Session): Promise<Cgroup | undefined> {
    const known = session.cgroups.map(({ path }) => path);
    return this.#awaitMove(
      session.id,
      session.leader.pid,
      (path) => !known.includes(path) && isSessionPath(path, session),
    );
  }

  /**
   * Returns the cgroups of an ending session. If its leader ended before its move was seen, logind knows the cgroup. If
   * the PID was reused, logind's session would be another's.
   */
  async findAll(
    cgroups: readonly Cgroup[],
    { uid }: SessionSubject,
    leader: Leader,
    leased: boolean,
    openedUptime: number,
  ): Promise<readonly Cgroup[]> {
    if (leased || cgroups.length !== 1 || ![undefined, leader.startTime].includes(readStartTime(leader.pid)))
      return cgroups;
    const path = await this.#parts.findLoginCgroup(leader.pid, uid, openedUptime);
    const found =
      path === undefined || !isSessionPath(path, { account: { uid }, leased })
        ? undefined
        : this.#parts.cgroups.find(path);
    return found === undefined ? cgroups : [...cgroups, found];
  }

  async #awaitMove(id: string, pid: number, isTarget: (path: string) => boolean): Promise<Cgroup | undefined> {
    const { cgroups, isAlive } = this.#parts;
    let found: Cgroup | undefined;
    const hasMovedOrEnded = () => {
      const path = cgroups.pathOf(pid);
      // The pidfd tells whether it is still the leader's path.
      if (path === undefined || !isAlive(id)) return true;
      if (isTarget(path)) found = cgroups.find(path);
      return isTarget(path);
    };
    await poll(hasMovedOrEnded, MOVE_LIMIT_MS, PAUSES);
    return found;
  }
}
