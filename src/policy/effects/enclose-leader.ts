// Moves the leader into a cgroup before it starts anything for the guest.
import type { Limits } from "../../config/schema.ts";
import type { Cgroup, Opening, Preparing } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly pid: number;
  /** All processes of the user are the session's, and the limits are the user's. */
  readonly leased: boolean;
  readonly limits: Limits;
}

interface Found {
  /** First the leader's; then, if leased, the slice of the user. */
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
