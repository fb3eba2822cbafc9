// Kills every process of a session.
import { countOf } from "../words.ts";
import type { Swept } from "../receipt.ts";
import type { Cgroup, Ending, Leader, View } from "../session.ts";
import { keyOf } from "../subject.ts";
import { hasProcesses, learnFindings, processesOf } from "./end.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly leader: Leader;
  readonly openedUptime: number;
  /** All processes of the user are the session's. */
  readonly leased: boolean;
  readonly view: View | undefined;
  readonly cgroups: readonly Cgroup[];
  /** PIDs when the end began. They count even if something else ended them. */
  readonly running: readonly number[];
}

interface Found {
  readonly processesKilled: number;
  readonly swept: readonly Swept[];
}

export const killProcesses: Stage<Ending, Ending, "kill-processes", Args, Found> = {
  kind: "kill-processes",
  messageId: "78b7d0ac84774ce08e4cda11b43c589b",
  fails: "note",
  when: hasProcesses,
  looksAt: ["processes"],
  make: (session) => ({
    ...processesOf(session),
    leader: session.leader,
    openedUptime: session.openedUptime,
    running: session.running,
  }),
  learn: learnFindings,
  done: ({ subject }, { processesKilled }) =>
    `Killed ${countOf(processesKilled, "process", "processes")} of ${keyOf(subject)}.`,
};
