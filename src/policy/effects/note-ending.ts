// Records that an end has begun, and why.
import type { Ending, SavedEnding } from "../session.ts";
import { savedEnding } from "../session.ts";
import { keyOf } from "../subject.ts";
import { isOfThisBoot } from "./end.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly saved: SavedEnding;
}

export const noteEnding: Stage<Ending, Ending, "note-ending", Args, void> = {
  kind: "note-ending",
  messageId: "6544c0c3cdc84321a51459536cfcf5e6",
  fails: "note",
  when: (session) => session.hasRecord && isOfThisBoot(session),
  make: (session) => ({ saved: savedEnding(session) }),
  done: ({ subject, saved }) => `Began to end ${keyOf(subject)} (${saved.cause}).`,
};
