// The answers to calls that change something.
import type { ErrorCode } from "./errors.ts";
import type { Terms } from "./notice.ts";
import type { Receipt } from "./receipt.ts";
import type { IpcIsolation, Isolation, View } from "./session.ts";

/** The answer to OpenSession and JoinSession. */
export interface OpenReply {
  readonly id: string;
  readonly namespace: string;
  readonly inode: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly isolation: IpcIsolation | Isolation | undefined;
  /** Shown in the terminal; may be empty. */
  readonly notice: string;
}

/** The answer to AllocateAccount. "ignored" leaves the decision to other modules. */
export type Allocation =
  { readonly verdict: "leased"; readonly user: string } | { readonly verdict: "unlocked" | "ignored" };

export type Answer =
  /** The guest must accept terms of use first. */
  | { readonly kind: "terms"; readonly terms: Terms }
  | { readonly kind: "allocated"; readonly allocation: Allocation }
  | { readonly kind: "opened"; readonly reply: OpenReply }
  | { readonly kind: "ended"; readonly receipt: Receipt }
  | { readonly kind: "released" }
  | { readonly kind: "switched" }
  | { readonly kind: "error"; readonly code: ErrorCode; readonly reason: string };

export function answerOpen(id: string, { path, inode, isolation }: View, notice = ""): Answer {
  const environment = { GUEST_SESSION: id };
  return { kind: "opened", reply: { id, namespace: path, inode, environment, isolation, notice } };
}

export const answerAllocate = (user: string): Answer => ({
  kind: "allocated",
  allocation: { verdict: "leased", user },
});
