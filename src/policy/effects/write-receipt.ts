// Saves the receipt before it is announced.
import { makeReceipt } from "../make-receipt.ts";
import type { Receipt } from "../receipt.ts";
import type { Ending } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly receipt: Receipt;
}

export const writeReceipt: Stage<Ending, Ending, "write-receipt", Args, void> = {
  kind: "write-receipt",
  messageId: "68546bfe046d4eab99bfbe55a92b548b",
  fails: "note",
  make: (session, context) => ({ receipt: makeReceipt(session, context.kinds, context) }),
  // If the receipt cannot be saved, a new one lists that failure.
  learn: (session, _, { receipt }) => ({ ...session, receipt }),
  done: ({ subject }) => `Wrote the receipt of ${keyOf(subject)}.`,
};
