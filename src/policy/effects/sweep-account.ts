// Removes what a leased account has left outside its view.
import type { Swept } from "../receipt.ts";
import { ACCOUNT_KINDS } from "../receipt.ts";
import type { Ending } from "../session.ts";
import { describeUser } from "../subject.ts";
import { describeSwept } from "../words.ts";
import { isOfThisBoot, learnFindings } from "./end.ts";
import type { Stage } from "./row.ts";

interface Args {
  /** When the session opened, in milliseconds since the epoch. */
  readonly since: number;
}

interface Found {
  readonly swept: readonly Swept[];
}

export const sweepAccount: Stage<Ending, Ending, "sweep-account", Args, Found> = {
  kind: "sweep-account",
  messageId: "9bcec3d70f9e492cb2f002052e6ca978",
  fails: "note",
  // After a power cut it is unknown whether the account was made.
  when: (session) => session.leased && (session.published || !isOfThisBoot(session)),
  looksAt: ACCOUNT_KINDS,
  make: ({ openedAt }) => ({ since: openedAt }),
  learn: learnFindings,
  done: ({ subject }, { swept }) => `Swept what ${describeUser(subject)} had left: ${describeSwept(swept)}.`,
};
