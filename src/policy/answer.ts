// What guestd answers to the calls that change something.
import type { ErrorCode } from "./errors.ts";
import type { Terms } from "./notice.ts";
import type { Receipt } from "./receipt.ts";
import type { IpcIsolation, Isolation, View } from "./session.ts";

/** What guestd answers to OpenSession and JoinSession. */
export interface OpenReply {
  readonly id: string;
  readonly namespace: string;
  readonly inode: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly isolation: IpcIsolation | Isolation | undefined;
  /** What the guest is told in the terminal; empty for nothing. */
  readonly notice: string;
}

/** What guestd answers to AllocateAccount: a name to log in as, the screen unlocked, or "this is for others to decide". */
export type Allocation =
  { readonly verdict: "leased"; readonly user: string } | { readonly verdict: "unlocked" | "ignored" };

export type Answer =
  /** Nothing was made: the guest has terms of use to accept first. */
  | { readonly kind: "terms"; readonly terms: Terms }
  | { readonly kind: "allocated"; readonly allocation: Allocation }
  | { readonly kind: "opened"; readonly reply: OpenReply }
  | { readonly kind: "ended"; readonly receipt: Receipt }
  | { readonly kind: "released" }
  | { readonly kind: "switched" }
  | { readonly kind: "error"; readonly code: ErrorCode; readonly reason: string };

/** The answer that lets a leader in: where the view of its session is, and what to set in its environment. */
export function answerOpen(id: string, { path, inode, isolation }: View, notice = ""): Answer {
  const environment = { GUEST_SESSION: id };
  return { kind: "opened", reply: { id, namespace: path, inode, environment, isolation, notice } };
}

/** The answer that makes a login go on as the leased account. */
export const answerAllocate = (user: string): Answer => ({
  kind: "allocated",
  allocation: { verdict: "leased", user },
});
