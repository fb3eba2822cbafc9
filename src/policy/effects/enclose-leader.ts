// Puts the leader into a cgroup of the session before it can start anything of the guest's.
import type { Limits } from "../../config/schema.ts";
import type { Cgroup, Opening, Preparing } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly pid: number;
  /** All of the user is the session's, and the limits are the user's. */
  readonly leased: boolean;
  readonly limits: Limits;
}

interface Found {
  /** The leader's own first; for a leased account that of all of its user after it. */
  readonly cgroups: readonly [Cgroup, ...Cgroup[]];
}

export const encloseLeader: Stage<Preparing, Opening, "enclose-leader", Args, Found> = {
  kind: "enclose-leader",
  messageId: "d1a6e07ac93c4a4f8ae51b1a9d3ee2c7",
  fails: "refuse",
  make: ({ leader, leased, limits }) => ({ pid: leader.pid, leased, limits }),
  learn: (session, { cgroups }) => ({ ...session, cgroups: [...session.cgroups, ...cgroups] }),
  done: ({ pid, subject }, { cgroups: [{ path }] }) => `Put leader ${pid} of ${keyOf(subject)} into ${path}.`,
};
