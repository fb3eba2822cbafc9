// Refuses a call.
import type { CallId } from "../call.ts";
import type { ErrorCode } from "../errors.ts";
import type { Subject } from "../subject.ts";
import { describeUser } from "../subject.ts";
import type { Row } from "./row.ts";

export interface Refusal {
  readonly call: CallId;
  readonly code: ErrorCode;
  readonly reason: string;
}

export const refuse: Row<"refuse", Subject, Refusal, void> = {
  kind: "refuse",
  messageId: "3ceaaf30814248ea91d93080f9b439fc",
  fails: "go-on",
  // A user who breaks off a login is no error.
  level: ({ code }) => (code === "LeaderGone" ? "notice" : "warning"),
  done: ({ subject, reason }) => `Refused ${describeCaller(subject)}: ${reason}`,
};

function describeCaller(subject: Subject): string {
  switch (subject.of) {
    case "session":
      return `${describeUser(subject)} at ${subject.service || "the bus"}`;
    case "uid":
      return `${describeUser(subject)} at the bus`;
    case "switch":
      return "the switch at the bus";
    case "paths":
      return "the bus";
    default:
      return subject satisfies never;
  }
}
