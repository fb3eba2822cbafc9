// What the stages of an end have in common: conditions, and learning.
import type { Findings } from "../receipt.ts";
import { addFindings } from "../receipt.ts";
import type { Cgroup, Ending, View } from "../session.ts";
import { standingView } from "../session.ts";

/** Adds to what the end has found. */
export const learnFindings = (session: Ending, found: Partial<Findings>): Ending => ({
  ...session,
  found: addFindings(session.found, found),
});

/** After a power cut there are no processes and no memory. Their numbers may belong to others. */
export const isOfThisBoot = ({ cause }: Ending): boolean => cause !== "lost-power";

/** The account belongs to the session alone and is published: all processes of its user end. */
export const ownsUser = (session: Ending): boolean => session.leased && session.published && isOfThisBoot(session);

/** The account was for this session but was never made. Its UID may belong to a user of the machine. */
export const isUnmade = ({ leased, published }: Ending): boolean => leased && !published;

/** The session can have processes, and every process with a leased UID belongs to it. */
export const hasProcesses = (session: Ending): boolean => isOfThisBoot(session) && !isUnmade(session);

/** How its processes are found. */
export const processesOf = (
  session: Ending,
): { readonly leased: boolean; readonly view: View | undefined; readonly cgroups: readonly Cgroup[] } => ({
  leased: session.leased,
  view: standingView(session),
  // The login was refused. A shared session's leader lives to tell the guest; that of a
  // leased account has had its time.
  cgroups: session.cause === "open-failed" && !session.leased ? [] : session.cgroups,
});
