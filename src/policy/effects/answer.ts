// Answers a call. After the answer to a login, the guest is in.
import type { Answer } from "../answer.ts";
import type { CallId } from "../call.ts";
import { answerAllocate, answerOpen } from "../answer.ts";
import type { Admitting, Allocating } from "../session.ts";
import type { Subject } from "../subject.ts";
import { describeUser, keyOf } from "../subject.ts";
import type { Made, SharedStage } from "./row.ts";

export interface Reply {
  readonly call: CallId;
  readonly answer: Answer;
}

export const answer: SharedStage<"answer", Reply, void, Subject> = {
  kind: "answer",
  messageId: "3a124c647e024f05b7c1dce27f7695f5",
  fails: "refuse",
  make: (session: Allocating | Admitting) => ({ call: session.call, answer: answerOf(session) }),
  // The call of a user manager that joins may be answered meanwhile.
  isStage: (session: Allocating | Admitting, { call }) => call === session.call,
  done: describe,
};

const answerOf = (session: Allocating | Admitting): Answer =>
  session.phase === "allocating"
    ? answerAllocate(session.account.user)
    : answerOpen(session.id, session.view, session.notice);

// There may be many users whom guestd ignores.
function describe({ subject, answer: given }: Made<"answer", Subject, Reply>): string | undefined {
  if (subject.of === "session" && given.kind === "terms")
    return `Showed ${describeUser(subject)} at ${subject.service} the terms of use, which have to be accepted.`;
  const verdict = given.kind === "allocated" ? given.allocation.verdict : "leased";
  if (subject.of !== "session" || verdict === "leased") return `Answered the call for ${keyOf(subject)}.`;
  return verdict === "unlocked" ? `Let ${describeUser(subject)} at ${subject.service} unlock the screen.` : undefined;
}
