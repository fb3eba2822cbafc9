// Makes greeters list an account while its session is open. Guests need this if the greeter locks the screen.
import type { SessionSubject } from "../subject.ts";
import { describeUser } from "../subject.ts";
import type { Row } from "./row.ts";

export interface Listed {
  /** False if AccountsService is not running. */
  readonly told: boolean;
}

export const listAccount: Row<"list-account", SessionSubject, object, Listed> = {
  kind: "list-account",
  messageId: "6df9e569ddd3429e92d5cc9aad26ba88",
  fails: "go-on",
  done: ({ subject }, { told }) => (told ? `Listed ${describeUser(subject)} in greeters.` : undefined),
};
