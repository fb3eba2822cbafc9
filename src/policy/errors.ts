// The errors that guestd answers with. systemd/org.guestd1.xml has their names on the bus.

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

/** A failure that a caller is told. The message is a sentence. */
export class GuestError extends Error {
  override readonly name = "GuestError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
