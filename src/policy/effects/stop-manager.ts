// Stops the user manager of a leased account.
import type { Ending } from "../session.ts";
import { describeUser } from "../subject.ts";
import { ownsUser } from "./end.ts";
import type { Stage } from "./row.ts";

export const stopManager: Stage<Ending, Ending, "stop-manager", object, void> = {
  kind: "stop-manager",
  messageId: "9a3595e3e1764b93a0d3a4893f150233",
  fails: "note",
  when: ownsUser,
  make: () => ({}),
  done: ({ subject }) => `Stopped the user manager of ${describeUser(subject)}.`,
};
