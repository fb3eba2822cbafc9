// Follows logind, which moves the leaders of shared sessions.
import type { DaemonLink } from "./daemon-link.ts";
import type { Session } from "./policy/session.ts";
import type { Placement } from "./system/processes/placement.ts";

/**
 * @returns a function that looks for the cgroups of unmoved leaders. It repeats a running search instead of starting a
 * second one: logind announces every login, and some leaders are never moved.
 */
export function makeCgroupSearch(
  link: Pick<DaemonLink, "state" | "dispatch">,
  placement: Pick<Placement, "awaitLoginCgroup">,
  report: (what: string, error: unknown) => void,
): () => void {
  /** Whether to search once more, by session id. */
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

// A leader is moved once. A leased session has all its user's processes.
const mayBeMoved = ({ leased, cgroups, phase }: Session) => !leased && cgroups.length === 1 && phase !== "ending";
