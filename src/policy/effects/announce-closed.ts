// Logs the receipt, and sends the bus signal.
import { makeReceipt } from "../make-receipt.ts";
import type { Receipt } from "../receipt.ts";
import { describeUnseen, isClean } from "../receipt.ts";
import type { Ending } from "../session.ts";
import { describeUser, keyOf } from "../subject.ts";
import type { Level, Stage } from "./row.ts";

interface Args {
  readonly receipt: Receipt;
  /** An earlier guestd may have announced it. */
  readonly repeated: boolean;
}

interface Found {
  readonly wasAnnounced: boolean;
}

// A greeter leases an account whenever its user is selected.
function levelOf(receipt: Receipt): Level {
  if (!isClean(receipt)) return "err";
  return receipt.cause === "never-opened" ? "info" : "notice";
}

export const announceClosed: Stage<Ending, Ending, "announce-closed", Args, Found> = {
  kind: "announce-closed",
  messageId: "9ad9b9a25e78454db065a1c284cc4549",
  fails: "quarantine",
  level: ({ receipt }) => levelOf(receipt),
  make: (session, context) => ({
    receipt: session.receipt ?? makeReceipt(session, context.kinds, context),
    repeated: session.wasBegun,
  }),
  // Callers get the receipt even if this fails.
  learn: (session, _, { receipt }) => ({ ...session, receipt }),
  learnFailed: (session, { receipt }) => ({ ...session, receipt }),
  done: ({ subject, receipt }, { wasAnnounced }) => {
    if (wasAnnounced) return undefined;
    const closed = `Closed ${keyOf(subject)} of ${describeUser(subject)} (${receipt.cause})`;
    if (!isClean(receipt)) return `${closed}: left ${receipt.left.join("; ")}`;
    const later = receipt.unseen.length > 0 ? `; ${describeUnseen(receipt.unseen)}` : "";
    return `${closed}: nothing is left${later}.`;
  },
  fields: ({ receipt }) => ({ GUEST_RECEIPT: JSON.stringify(receipt) }),
};
