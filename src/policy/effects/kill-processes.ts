// Kills every process of a session.
import { countOf } from "../words.ts";
import type { Swept } from "../receipt.ts";
import type { Cgroup, Ending, Leader, View } from "../session.ts";
import { standingView } from "../session.ts";
import { keyOf } from "../subject.ts";
import { isOfThisBoot, isUnmade, learnFindings } from "./end.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly leader: Leader;
  readonly openedUptime: number;
  /** Whatever runs as its user belongs to the session. */
  readonly leased: boolean;
  readonly view: View | undefined;
  readonly cgroups: readonly Cgroup[];
}

interface Found {
  readonly processesKilled: number;
  readonly swept: readonly Swept[];
}

export const killProcesses: Stage<Ending, Ending, "kill-processes", Args, Found> = {
  kind: "kill-processes",
  messageId: "78b7d0ac84774ce08e4cda11b43c589b",
  fails: "note",
  when: (session) => isOfThisBoot(session) && !isUnmade(session),
  looksAt: ["processes"],
  make: (session) => ({
    leader: session.leader,
    openedUptime: session.openedUptime,
    leased: session.leased,
    view: standingView(session),
    // The guest was not let in: the leader lives, to tell them why. That of a leased account has had its time.
    cgroups: session.cause === "open-failed" && !session.leased ? [] : session.cgroups,
  }),
  learn: learnFindings,
  done: ({ subject }, { processesKilled }) =>
    `Killed ${countOf(processesKilled, "process", "processes")} of ${keyOf(subject)}.`,
};
