// Logs that PAM closed a session.
import type { SessionSubject } from "../subject.ts";
import { keyOf } from "../subject.ts";
import type { Row } from "./row.ts";

export const noteClose: Row<"note-close", SessionSubject, object, void> = {
  kind: "note-close",
  messageId: "b120a366f0bb49cf82f2dc05873f9bd0",
  fails: "go-on",
  done: ({ subject }) => `PAM closed ${keyOf(subject)}; it ends with its leader ${subject.leader}.`,
};
