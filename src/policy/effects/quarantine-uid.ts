// Saves the result of a later check of a quarantined UID: it waits for the walk, or the walk has found something.
import type { Quarantine } from "../lease.ts";
import { describeQuarantine } from "../lease.ts";
import type { UidSubject } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  readonly quarantine: Quarantine;
  /** Added to the receipt of its last session; undefined if nothing was found. */
  readonly found: string | undefined;
}

export const quarantineUid: Row<"quarantine-uid", UidSubject, Args, void> = {
  kind: "quarantine-uid",
  messageId: "40be2c6869154dd7869f9ba03c251f77",
  // What was saved before keeps the UID from being leased just as well.
  fails: "keep",
  level: ({ quarantine }) => (quarantine.waits === true ? "info" : "warning"),
  done: ({ subject: { uid }, quarantine }) => `The uid ${uid} ${describeQuarantine(quarantine)}`,
};
