// Lists processes when the end begins. The receipt counts them even if something else ends them.
import type { Ending, View, Cgroup } from "../session.ts";
import { keyOf } from "../subject.ts";
import { countOf } from "../words.ts";
import { hasProcesses, processesOf } from "./end.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly leased: boolean;
  readonly view: View | undefined;
  readonly cgroups: readonly Cgroup[];
}

interface Found {
  readonly running: readonly number[];
}

export const countProcesses: Stage<Ending, Ending, "count-processes", Args, Found> = {
  kind: "count-processes",
  messageId: "f9212409536c4df0bf40bc870279a0f6",
  fails: "note",
  when: hasProcesses,
  make: processesOf,
  learn: (session, { running }) => ({ ...session, running: [...new Set([...session.running, ...running])] }),
  done: ({ subject }, { running }) =>
    `Found ${countOf(running.length, "process", "processes")} of ${keyOf(subject)} at its end.`,
};
