// What the stages of an end have in common: what they depend on, and what is learned from them.
import type { Findings } from "../receipt.ts";
import { addFindings } from "../receipt.ts";
import type { Cgroup, Ending, View } from "../session.ts";
import { standingView } from "../session.ts";

/** Adds to what the end has found. */
export const learnFindings = (session: Ending, found: Partial<Findings>): Ending => ({
  ...session,
  found: addFindings(session.found, found),
});

/** After a power cut no process lives and no memory holds anything; its numbers may belong to others. */
export const isOfThisBoot = ({ cause }: Ending): boolean => cause !== "lost-power";

/** The account is the session's alone, and stands: all of its user ends. */
export const ownsUser = (session: Ending): boolean => session.leased && session.published && isOfThisBoot(session);

/** The account is the session's, but was never made: its UID may belong to a user who is no guest. */
export const isUnmade = ({ leased, published }: Ending): boolean => leased && !published;

/** It can have processes, and whatever has its UID is its own. */
export const hasProcesses = (session: Ending): boolean => isOfThisBoot(session) && !isUnmade(session);

/** By what its processes are known. */
export const processesOf = (
  session: Ending,
): { readonly leased: boolean; readonly view: View | undefined; readonly cgroups: readonly Cgroup[] } => ({
  leased: session.leased,
  view: standingView(session),
  // The guest was not let in: the leader lives, to tell them why. That of a leased account has had its time.
  cgroups: session.cause === "open-failed" && !session.leased ? [] : session.cgroups,
});
