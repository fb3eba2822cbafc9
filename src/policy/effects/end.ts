// What the stages of an end have in common: what they depend on, and what is learned from them.
import type { Findings } from "../receipt.ts";
import { addFindings } from "../receipt.ts";
import type { Ending } from "../session.ts";

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
