// Removes the mark for unlocking the screen.
import type { Ending } from "../session.ts";
import type { SessionSubject, UidSubject } from "../subject.ts";
import { describeUser } from "../subject.ts";
import { ownsUser } from "./end.ts";
import type { Stage } from "./row.ts";

export const forbidUnlock: Stage<Ending, Ending, "forbid-unlock", object, void, SessionSubject | UidSubject> = {
  kind: "forbid-unlock",
  messageId: "0390b8d587ba4b51a5558bfe67439914",
  fails: "note",
  when: ownsUser,
  make: () => ({}),
  done: ({ subject }) => `Removed the mark that ${describeUser(subject)} may unlock the screen.`,
};
