// Makes a leased account known to the name service.
import type { Account } from "../account.ts";
import type { Allocating } from "../session.ts";
import { describeUser, keyOf } from "../subject.ts";
import type { Stage } from "./row.ts";

interface Args {
  readonly account: Account;
}

interface Found {
  /** The user with that UID or name. */
  readonly taken: string | undefined;
  readonly homeExists: boolean;
}

export const publishAccount: Stage<Allocating, Allocating, "publish-account", Args, Found> = {
  kind: "publish-account",
  messageId: "5acf3f17b0744b529c1cc7e442b62f91",
  fails: "refuse",
  make: ({ account }) => ({ account }),
  learn: (session, { taken, homeExists }) => ({ ...session, published: taken === undefined && !homeExists }),
  done: ({ subject, account }, { taken, homeExists }) => {
    if (taken === undefined && !homeExists) return `Made the account ${describeUser(subject)} for ${keyOf(subject)}.`;
    const reason = taken === undefined ? `${account.home} is there already` : `it belongs to ${taken}`;
    return `Did not make the account ${describeUser(subject)}: ${reason}.`;
  },
};
