// Finds the leader and view of an earlier guestd's session.
import type { Leader, Recovering, View } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly leader: Leader;
  /** The recorded view. It is taken up if the leader or guestd's descriptors still lead to it. */
  readonly view: View | undefined;
}

interface Found {
  /** Undefined if there was none, or it cannot be identified. */
  readonly view: View | undefined;
  readonly isLeaderThere: boolean;
}

export const takeUpSession: Stage<Recovering, Recovering, "take-up-session", Args, Found> = {
  kind: "take-up-session",
  messageId: "f9091932acb14abaa68912b5bb6622cf",
  fails: "end",
  make: ({ leader, recordedView }) => ({ leader, view: recordedView }),
  done: ({ leader, subject }, { isLeaderThere }) =>
    isLeaderThere
      ? `Watching leader ${leader.pid} of ${keyOf(subject)} again.`
      : `The leader ${leader.pid} of ${keyOf(subject)} has ended.`,
};
