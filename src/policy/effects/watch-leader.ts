// Opens a pidfd of the leader. The session ends with the leader.
import type { Allocating, Opening, Preparing } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly pid: number;
  /** Unique bus name. It exists as long as the leader. */
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
  // A leased session's leader is watched already.
  when: (session: Allocating | Preparing) => session.phase === "allocating" || !session.leased,
  make: ({ leader, busName }: Allocating | Preparing) => ({ pid: leader.pid, busName }),
  learn: <S extends Allocating | Preparing>(session: S, found: Found): S => ({
    ...session,
    leader: { ...session.leader, ...found },
  }),
  done: ({ pid, subject }) => `Watching leader ${pid} of ${keyOf(subject)}.`,
};
