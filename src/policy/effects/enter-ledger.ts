// Saves a session where it survives a power cut.
import type { Admitting, Allocating, SavedSession } from "../session.ts";
import { savedOf } from "../session.ts";
import { keyOf } from "../subject.ts";
import type { SharedStage } from "./row.ts";

interface Args {
  readonly saved: SavedSession;
}

export const enterLedger: SharedStage<"enter-ledger", Args, void> = {
  kind: "enter-ledger",
  messageId: "5fdca61101ef47dfa3f6429d78d0dee1",
  fails: "refuse",
  // A leased session has been in the ledger since its lease.
  when: (session: Allocating | Admitting) => session.phase === "allocating" || !session.leased,
  make: (session: Allocating | Admitting) => ({ saved: savedOf(session) }),
  done: ({ subject }) => `Entered ${keyOf(subject)} in the ledger.`,
};
