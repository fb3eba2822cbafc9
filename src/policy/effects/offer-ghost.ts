// Makes greeters offer the ghost, or stop.
import type { Offer } from "../offer.ts";
import type { SwitchSubject } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  readonly offer: Offer;
}

interface Found {
  /** False if they were told this before. */
  readonly changed: boolean;
}

export const offerGhost: Row<"offer-ghost", SwitchSubject, Args, Found> = {
  kind: "offer-ghost",
  messageId: "dfb221f88aa748ac8ea15d0ef329d0fb",
  fails: "go-on",
  done: ({ offer: { ghost, by } }, { changed }) => {
    if (!changed) return undefined;
    return by.length === 0 ? "Told greeters to offer no guest." : `Told ${by.join(", ")} to offer ${ghost}.`;
  },
};
