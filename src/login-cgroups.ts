// Follows logind, which moves the leader of a shared session on to a cgroup of its own.
import type { DaemonLink } from "./daemon-link.ts";
import type { Session } from "./policy/session.ts";
import type { Placement } from "./system/processes/placement.ts";

/** Looks for the cgroup of each session whose leader was not moved yet. */
export function findLoginCgroups(
  link: Pick<DaemonLink, "state" | "dispatch">,
  placement: Pick<Placement, "awaitLoginCgroup">,
  report: (what: string, error: unknown) => void,
): void {
  const find = async (session: Session) => {
    const cgroup = await placement.awaitLoginCgroup(session);
    if (cgroup !== undefined) link.dispatch({ kind: "cgroup-found", id: session.id, cgroup });
  };
  for (const session of [...link.state.sessions.values()].filter(mayBeMoved)) {
    find(session).catch((error: unknown) => {
      report(`the cgroup of session ${session.id}`, error);
    });
  }
}

// Its own and logind's: a leader is moved once. All of a leased account's user is the session's anyway.
const mayBeMoved = ({ leased, cgroups, phase }: Session) => !leased && cgroups.length === 1 && phase !== "ending";
