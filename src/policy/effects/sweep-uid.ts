// Checks a quarantined UID again, and removes what its last guest left.
import type { Swept } from "../receipt.ts";
import type { UidSubject } from "../subject.ts";
import { describeSwept } from "../words.ts";
import type { Row } from "./row.ts";

interface Args {
  /** Id of the last session; "" if unknown. */
  readonly session: string;
}

interface Found {
  /** The user who has the UID now. Then nothing was checked. */
  readonly owner?: string;
  readonly swept: readonly Swept[];
}

export const sweepUid: Row<"sweep-uid", UidSubject, Args, Found> = {
  kind: "sweep-uid",
  messageId: "5fb31a8590c44a4ca90ee9f2d0fd7d03",
  fails: "retry",
  done: ({ subject: { uid } }, { owner, swept }) =>
    owner === undefined
      ? `Looked again at what the guests of uid ${uid} had left: ${describeSwept(swept)}.`
      : `Did not look at what the guests of uid ${uid} had left: it belongs to ${owner}.`,
};
