// Writes down that a quarantined UID may be leased again, and in the receipt of its last session that nothing of it is left.
import type { CallId } from "../call.ts";
import type { UidSubject } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  /** The ReleaseLease call of an administrator; undefined where a later look found nothing left. */
  readonly call: CallId | undefined;
  /** The session whose receipt says when that was; undefined where it is not known, and where an administrator vouches for it. */
  readonly clears: { readonly session: string; readonly at: number } | undefined;
}

export const releaseUid: Row<"release-uid", UidSubject, Args, void> = {
  kind: "release-uid",
  messageId: "5747a297f4f944aba93ace90e5b2a22b",
  fails: "retry",
  done: ({ subject: { uid } }) => `Released uid ${uid}: it may be leased again.`,
};
