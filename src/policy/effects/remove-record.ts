// The last stage: removes the record, and saves the state of the UID.
import type { Quarantine } from "../lease.ts";
import { describeQuarantine } from "../lease.ts";
import { quarantineOf } from "../make-receipt.ts";
import type { Ending } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  /** State of a leased UID. Saved first, because a crash would lose it. */
  readonly lease: { readonly quarantine: Quarantine | undefined } | undefined;
}

export const removeRecord: Stage<Ending, Ending, "remove-record", Args, void> = {
  kind: "remove-record",
  messageId: "c1acc9906424450aa36bf9b3ddcb369d",
  fails: "retry",
  make: (session) => ({ lease: session.leased ? { quarantine: quarantineOf(session) } : undefined }),
  done: ({ subject, lease }) => {
    const removed = `Removed the record of ${keyOf(subject)}`;
    return lease?.quarantine === undefined
      ? `${removed}.`
      : `${removed}; uid ${subject.uid} ${describeQuarantine(lease.quarantine)}`;
  },
};
