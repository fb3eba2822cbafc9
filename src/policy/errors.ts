// The errors that guestd answers with: their names on the bus are systemd/org.guestd1.xml's.

export type ErrorCode =
  | "AccessDenied"
  | "InvalidArgument"
  | "NoSuchSession"
  | "NoSuchReceipt"
  | "NoSuchLease"
  | "Refused"
  | "Busy"
  | "LeaderGone"
  | "Failed";

/** A failure that a caller is told: a code of the contract and a sentence for a person. */
export class GuestError extends Error {
  override readonly name = "GuestError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
