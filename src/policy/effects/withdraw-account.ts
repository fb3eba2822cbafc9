// Removes a leased account from the name service.
import type { Ending } from "../session.ts";
import { describeUser } from "../subject.ts";
import { isOfThisBoot } from "./end.ts";
import type { Stage } from "./row.ts";

export const withdrawAccount: Stage<Ending, Ending, "withdraw-account", object, void> = {
  kind: "withdraw-account",
  messageId: "e47280fa7de74c63b1e9316cad3a2fce",
  fails: "note",
  when: (session) => session.leased && isOfThisBoot(session),
  make: () => ({}),
  done: ({ subject }) => `Took back the account ${describeUser(subject)}.`,
};
