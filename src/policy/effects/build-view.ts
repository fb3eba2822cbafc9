// Builds the view from the leader's mount namespace.
import { countOf } from "../words.ts";
import type { Cgroup, Opening, Preparing, View } from "../session.ts";
import type { Step } from "../steps.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly plan: readonly Step[];
  /** With PID and IPC namespaces, whose first process goes into the cgroup. */
  readonly isolated: boolean;
  readonly cgroup: Cgroup | undefined;
}

interface Found {
  readonly view: View;
  /** Attributes of files that the copies of skeletons lack. */
  readonly dropped: readonly string[];
}

export const buildView: Stage<Preparing, Opening, "build-view", Args, Found> = {
  kind: "build-view",
  messageId: "6301bbfca0c5454e8ff9bb510944fe0c",
  fails: "refuse",
  make: ({ plan, leased, cgroups }) => ({ plan, isolated: !leased, cgroup: cgroups[0] }),
  learn: (session, { view }) => ({ ...session, view }),
  done: ({ subject, plan }, { view, dropped }) =>
    `Built the view of ${keyOf(subject)}: ${countOf(plan.length, "step", "steps")}, mount namespace ${view.inode}.` +
    (dropped.length === 0 ? "" : ` Not copied from the skeletons: ${dropped.join(", ")}.`),
  // The same view can be built again from the plan in the journal.
  fields: ({ plan }, { view, dropped }) => ({
    GUEST_PLAN: JSON.stringify(plan),
    GUEST_NAMESPACE: view.inode,
    GUEST_SKIPPED: view.skipped.join(" "),
    ...(dropped.length === 0 ? {} : { GUEST_DROPPED: dropped.join("\n") }),
  }),
};
