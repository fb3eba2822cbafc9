// Saves whether guests may log in.
import type { CallId } from "../call.ts";
import type { SwitchSubject } from "../subject.ts";
import type { LoginSwitch } from "../switch.ts";
import { describeSwitch } from "../switch.ts";
import type { Row } from "./row.ts";

interface Args {
  readonly loginSwitch: LoginSwitch;
  readonly call: CallId;
}

export const writeSwitch: Row<"write-switch", SwitchSubject, Args, void> = {
  kind: "write-switch",
  messageId: "0107a2a042794b37b6440841da3d3ce5",
  fails: "keep",
  level: () => "notice",
  done: ({ loginSwitch }) => `Switched guest logins ${describeSwitch(loginSwitch)}`,
};
