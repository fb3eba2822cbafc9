// Limits the cgroup that logind has moved the leader to.
import type { Limits } from "../../config/schema.ts";
import type { Cgroup } from "../session.ts";
import type { SessionSubject } from "../subject.ts";
import { keyOf } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  readonly cgroup: Cgroup;
  readonly limits: Limits;
}

export const limitLogin: Row<"limit-login", SessionSubject, Args, void> = {
  kind: "limit-login",
  messageId: "5946e5042ee44cc4bfc94e415c7addb2",
  fails: "go-on",
  done: ({ subject, cgroup }) => `Limited ${keyOf(subject)} in ${cgroup.path}.`,
};
