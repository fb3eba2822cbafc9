// Sends the bus signal for an open session.
import type { Admitting, Open } from "../session.ts";
import { becomeOpen } from "../session.ts";
import { describeUser, keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly session: Open;
}

export const announceOpened: Stage<Admitting, Admitting, "announce-opened", Args, void> = {
  kind: "announce-opened",
  messageId: "66080f174c9648e29cbd0ba3a1a6bcde",
  // The guest is in already.
  fails: "go-on",
  level: () => "notice",
  make: (session) => ({ session: becomeOpen(session) }),
  done: ({ subject, session }) =>
    `Opened ${keyOf(subject)} of ${describeUser(subject)} through ${subject.service}, leader ${subject.leader}.` +
    (session.acceptance === undefined ? "" : " The terms of use were accepted."),
  fields: ({ session: { acceptance } }) =>
    acceptance === undefined
      ? {}
      : { GUEST_TERMS: acceptance.digest, GUEST_ACCEPTED: new Date(acceptance.at).toISOString() },
};
