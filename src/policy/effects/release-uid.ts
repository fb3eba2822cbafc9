// Saves that a UID may be leased again. After a clean check, the receipt of its last session says so.
import type { CallId } from "../call.ts";
import type { UidSubject } from "../subject.ts";
import type { Row } from "./row.ts";

interface Args {
  /** An administrator's ReleaseLease; undefined after a check. */
  readonly call: CallId | undefined;
  /** Which receipt to clear, and when. Undefined if unknown, or if an administrator vouches. */
  readonly clears: { readonly session: string; readonly at: number } | undefined;
}

export const releaseUid: Row<"release-uid", UidSubject, Args, void> = {
  kind: "release-uid",
  messageId: "5747a297f4f944aba93ace90e5b2a22b",
  fails: "retry",
  done: ({ subject: { uid } }) => `Released uid ${uid}: it may be leased again.`,
};
