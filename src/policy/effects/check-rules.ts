// Finds rules of the machine that do not work for a shared session.
import type { Account } from "../account.ts";
import type { Step } from "../steps.ts";
import type { SessionSubject } from "../subject.ts";
import { describeUser, keyOf } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  readonly account: Account;
  readonly service: string;
  readonly plan: readonly Step[];
}

interface Found {
  /** Sentences that say what to use instead. */
  readonly warnings: readonly string[];
}

export const checkRules: Row<"check-rules", SessionSubject, Args, Found> = {
  kind: "check-rules",
  messageId: "6b3b4507d3d84ae2a5d91f5fb93bbc61",
  fails: "go-on",
  level: () => "warning",
  done: ({ subject }, { warnings }) =>
    warnings.length === 0
      ? undefined
      : `A rule of this machine does not work for ${keyOf(subject)} of ${describeUser(subject)}: ${warnings.join(" ")}`,
};
