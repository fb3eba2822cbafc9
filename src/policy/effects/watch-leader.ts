// Opens a pidfd of the leader of a new session: its end is the end of the session.
import type { Allocating, Opening, Preparing } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly pid: number;
  /** Unique name of the leader on the bus: while it exists, so does the leader. */
  readonly busName: string;
}

interface Found {
  /** As in Leader. */
  readonly startTime: number;
  readonly terminal?: string;
}

type WatchLeader = Stage<Allocating, Allocating, "watch-leader", Args, Found> &
  Stage<Preparing, Opening, "watch-leader", Args, Found>;

export const watchLeader: WatchLeader = {
  kind: "watch-leader",
  messageId: "9dfb369bab134faea27655daa05f1119",
  fails: "refuse",
  // The leader of a session that opens with a leased account has been watched since that was leased.
  when: (session: Allocating | Preparing) => session.phase === "allocating" || !session.leased,
  make: ({ leader, busName }: Allocating | Preparing) => ({ pid: leader.pid, busName }),
  learn: <S extends Allocating | Preparing>(session: S, found: Found): S => ({
    ...session,
    leader: { ...session.leader, ...found },
  }),
  done: ({ pid, subject }) => `Watching leader ${pid} of ${keyOf(subject)}.`,
};
