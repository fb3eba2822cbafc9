// Checks who else holds the memory of a view, empties it, and closes it.
import type { Swept } from "../receipt.ts";
import type { Ending } from "../session.ts";
import { standingView } from "../session.ts";
import { keyOf } from "../subject.ts";
import { learnFindings } from "./end.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly leased: boolean;
  /** Paths of its tmpfs, in the order of their devices. */
  readonly tmpfs: readonly string[];
  readonly devices: readonly string[];
  /** The view is lost: others may have its devices by now. */
  readonly isLost: boolean;
}

interface Found {
  readonly tmpfsBytes: number;
  readonly swept: readonly Swept[];
}

export const dropView: Stage<Ending, Ending, "drop-view", Args, Found> = {
  kind: "drop-view",
  messageId: "2330fcf1562a44b888668d77e827062c",
  fails: "note",
  looksAt: ["mounts", "open-files"],
  make: (session) => ({
    leased: session.leased,
    tmpfs: tmpfsOf(session),
    devices: standingView(session)?.devices ?? [],
    isLost: session.view === "lost",
  }),
  learn: learnFindings,
  done: ({ subject }, { tmpfsBytes }) =>
    `Dropped the view of ${keyOf(subject)}; it held ${tmpfsBytes} bytes in memory.`,
};

// In the plan's order, as the devices are.
function tmpfsOf(session: Ending): string[] {
  const view = standingView(session);
  if (view === undefined) return [];
  return session.plan.flatMap(({ kind, target }) =>
    kind === "tmpfs" && !view.skipped.includes(target) ? [target] : [],
  );
}
