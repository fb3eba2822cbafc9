// Follows logind, which moves the leader of a shared session on to a cgroup of its own.
import type { DaemonLink } from "./daemon-link.ts";
import type { Session } from "./policy/session.ts";
import type { Placement } from "./system/processes/placement.ts";

/**
 * @returns looks for the cgroup of each session whose leader was not moved yet. One that is being looked for already is looked for
 *   once more after that, not at the same time: logind tells of each login, and some leaders are never moved.
 */
export function makeCgroupSearch(
  link: Pick<DaemonLink, "state" | "dispatch">,
  placement: Pick<Placement, "awaitLoginCgroup">,
  report: (what: string, error: unknown) => void,
): () => void {
  /** By id: whether it is to be looked for once more. */
  const looking = new Map<string, boolean>();
  const find = async (session: Session) => {
    looking.set(session.id, false);
    try {
      const cgroup = await placement.awaitLoginCgroup(session);
      if (cgroup !== undefined) link.dispatch({ kind: "cgroup-found", id: session.id, cgroup });
    } catch (error) {
      report(`the cgroup of session ${session.id}`, error);
    }
    const isWanted = looking.get(session.id) === true;
    looking.delete(session.id);
    if (isWanted) search(session.id);
  };
  const search = (id: string) => {
    const session = link.state.sessions.get(id);
    if (session === undefined || !mayBeMoved(session)) return;
    if (looking.has(id)) looking.set(id, true);
    else void find(session);
  };
  return () => {
    for (const id of link.state.sessions.keys()) search(id);
  };
}

// Its own and logind's: a leader is moved once. All of a leased account's user is the session's anyway.
const mayBeMoved = ({ leased, cgroups, phase }: Session) => !leased && cgroups.length === 1 && phase !== "ending";
