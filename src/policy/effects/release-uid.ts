// Saves that a quarantined UID may be leased again. The receipt of its last session then says that nothing is left.
import type { CallId } from "../call.ts";
import type { UidSubject } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  /** The administrator's ReleaseLease call; undefined if a later check found nothing left. */
  readonly call: CallId | undefined;
  /** The session whose receipt gets that time; undefined if unknown, and if an administrator vouches for the UID. */
  readonly clears: { readonly session: string; readonly at: number } | undefined;
}

export const releaseUid: Row<"release-uid", UidSubject, Args, void> = {
  kind: "release-uid",
  messageId: "5747a297f4f944aba93ace90e5b2a22b",
  fails: "retry",
  done: ({ subject: { uid } }) => `Released uid ${uid}: it may be leased again.`,
};
