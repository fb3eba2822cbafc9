// Saves that a quarantined UID waits for the walk, or what the walk found.
import type { Quarantine } from "../lease.ts";
import { describeQuarantine } from "../lease.ts";
import type { UidSubject } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  readonly quarantine: Quarantine;
  /** For the receipt of the last session; undefined if nothing was found. */
  readonly found: string | undefined;
}

export const quarantineUid: Row<"quarantine-uid", UidSubject, Args, void> = {
  kind: "quarantine-uid",
  messageId: "40be2c6869154dd7869f9ba03c251f77",
  // The previous entry keeps the UID from being leased, too.
  fails: "keep",
  level: ({ quarantine }) => (quarantine.waits === true ? "info" : "warning"),
  done: ({ subject: { uid }, quarantine }) => `The uid ${uid} ${describeQuarantine(quarantine)}`,
};
