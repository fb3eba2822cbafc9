// Makes greeters forget an account while the name service knows it. What AccountsService saved is swept anyway.
import type { Ending } from "../session.ts";
import { describeUser } from "../subject.ts";
import { ownsUser } from "./end.ts";
import type { Listed } from "./list-account.ts";
import type { Stage } from "./row.ts";

export const unlistAccount: Stage<Ending, Ending, "unlist-account", object, Listed> = {
  kind: "unlist-account",
  messageId: "49fb3bf07b644a72974cc279c6507ed3",
  fails: "go-on",
  when: ownsUser,
  make: () => ({}),
  done: ({ subject }, { told }) => (told ? `Removed ${describeUser(subject)} from the lists of greeters.` : undefined),
};
