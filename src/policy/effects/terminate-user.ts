// Makes logind and systemd forget the user of a leased account.
import type { Swept } from "../receipt.ts";
import type { Ending } from "../session.ts";
import { describeUser } from "../subject.ts";
import { learnFindings, ownsUser } from "./end.ts";
import type { Stage } from "./row.ts";

interface Found {
  readonly swept: readonly Swept[];
}

export const terminateUser: Stage<Ending, Ending, "terminate-user", object, Found> = {
  kind: "terminate-user",
  messageId: "34738ad0efcb4b989ad7cd029eca637e",
  fails: "note",
  when: ownsUser,
  make: () => ({}),
  learn: learnFindings,
  done: ({ subject }) => `Closed the login of ${describeUser(subject)}.`,
};
