// What the stages of an end share.
import type { Findings } from "../receipt.ts";
import { addFindings } from "../receipt.ts";
import type { Cgroup, Ending, View } from "../session.ts";
import { standingView } from "../session.ts";

export const learnFindings = (session: Ending, found: Partial<Findings>): Ending => ({
  ...session,
  found: addFindings(session.found, found),
});

/** After a power cut, others may have the session's PIDs and devices. */
export const isOfThisBoot = ({ cause }: Ending): boolean => cause !== "lost-power";

/** All processes of the user are the session's. */
export const ownsUser = (session: Ending): boolean => session.leased && session.published && isOfThisBoot(session);

/** The account was never made. Its UID may be a user's of the machine. */
export const isUnmade = ({ leased, published }: Ending): boolean => leased && !published;

/** The session can have processes. All with its leased UID are among them. */
export const hasProcesses = (session: Ending): boolean => isOfThisBoot(session) && !isUnmade(session);

export const processesOf = (
  session: Ending,
): { readonly leased: boolean; readonly view: View | undefined; readonly cgroups: readonly Cgroup[] } => ({
  leased: session.leased,
  view: standingView(session),
  // After a refusal, the leader of a shared session tells the guest. A leased session ends later.
  cgroups: session.cause === "open-failed" && !session.leased ? [] : session.cgroups,
});
