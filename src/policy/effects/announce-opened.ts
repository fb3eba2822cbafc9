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
    `Opened ${keyOf(subject)} of ${describeUser(subject)} through ${subject.service}${whereOf(session)}, leader ${subject.leader}.` +
    (session.acceptance === undefined ? "" : " The terms of use were accepted."),
  fields: ({ session: { tty, rhost, acceptance } }) => ({
    ...(tty === "" ? {} : { GUEST_TTY: inOneLine(tty) }),
    ...(rhost === "" ? {} : { GUEST_RHOST: inOneLine(rhost) }),
    ...(acceptance === undefined
      ? {}
      : { GUEST_TERMS: acceptance.digest, GUEST_ACCEPTED: new Date(acceptance.at).toISOString() }),
  }),
};

// sshd has no terminal yet, and names itself instead.
function whereOf({ tty, rhost }: Open): string {
  if (rhost !== "") return ` from ${inOneLine(rhost)}`;
  return tty === "" ? "" : ` at ${inOneLine(tty)}`;
}

/** As long as a host's name can be. */
const LONGEST = 255;

// Others may choose the name of a remote host.
const inOneLine = (name: string): string => name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, LONGEST);
