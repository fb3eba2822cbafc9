// Writes the record, for a guestd that restarts.
import type { Admitting, Allocating, SavedSession } from "../session.ts";
import { savedOf } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { SharedStage } from "./row.ts";

interface Args {
  readonly saved: SavedSession;
}

export const writeRecord: SharedStage<"write-record", Args, void> = {
  kind: "write-record",
  messageId: "6fced11d2bd841e6847a8387cdde8d51",
  fails: "refuse",
  make: (session: Allocating | Admitting) => ({ saved: savedOf(session) }),
  learn: <S extends Allocating | Admitting>(session: S): S => ({ ...session, hasRecord: true }),
  done: ({ subject }) => `Wrote the record of ${keyOf(subject)}.`,
};
