// Marks that a guest may unlock the screen. Guests' programs look for the mark without a bus call.
import type { Admitting } from "../session.ts";
import { describeUser } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Found {
  /** False if an earlier guestd made the mark. */
  readonly made: boolean;
}

export const permitUnlock: Stage<Admitting, Admitting, "permit-unlock", object, Found> = {
  kind: "permit-unlock",
  messageId: "36427e17ea5e4677a1592aa04de7fee0",
  fails: "refuse",
  when: ({ leased }) => leased,
  make: () => ({}),
  done: ({ subject }, { made }) => (made ? `Marked that ${describeUser(subject)} may unlock the screen.` : undefined),
};
