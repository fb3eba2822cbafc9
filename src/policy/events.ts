// What can happen (events) and what can be done about it (effects). All of the daemon is between the two.
import type { Account } from "./account.ts";
import type { Config } from "../config/schema.ts";
import type { ErrorCode } from "./errors.ts";
import type { PlanFacts } from "./plan.ts";
import type { Cgroup, Findings, Leader, Receipt, Session, View } from "./session.ts";
import type { Step } from "./steps.ts";

/** A call on the bus that waits for an answer. */
export type CallId = number;

export interface OpenRequested {
  readonly kind: "open-requested";
  /** A fresh id for the session, should there be one. */
  readonly id: string;
  readonly call: CallId;
  readonly now: number;
  /** Microseconds of the monotonic clock. */
  readonly uptime: number;
  readonly account: Account;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  readonly leaderPid: number;
  /** Unique bus name of the leader: while it exists, so does the leader. */
  readonly leaderName: string;
  /** Path of the cgroup that the leader is in. */
  readonly leaderCgroup: string;
  readonly facts: PlanFacts;
}

export type Event =
  | OpenRequested
  | { readonly kind: "join-requested"; readonly id: string; readonly call: CallId; readonly uid: number }
  | { readonly kind: "close-hinted"; readonly id: string; readonly leaderPid: number }
  | { readonly kind: "end-requested"; readonly id: string; readonly call: CallId }
  | { readonly kind: "leader-exited"; readonly id: string }
  /** logind has moved the leader to a cgroup of its own. */
  | { readonly kind: "cgroup-found"; readonly id: string; readonly cgroup: Cgroup }
  /** At the start: a session that an earlier guestd wrote down. */
  | { readonly kind: "record-found"; readonly session: Session }
  | { readonly kind: "config-loaded"; readonly config: Config }
  | { readonly kind: "effect-done"; readonly effect: Effect; readonly outcome: Outcome; readonly now: number }
  | { readonly kind: "effect-failed"; readonly effect: Effect; readonly code: ErrorCode; readonly reason: string; readonly now: number };

/** What an effect has found out, where it has. */
export interface Outcome {
  readonly startTime?: number;
  readonly cgroup?: Cgroup;
  readonly view?: View;
  readonly found?: Findings;
}

/** What guestd answers to OpenSession and JoinSession. */
export interface OpenReply {
  readonly id: string;
  readonly namespace: string;
  readonly inode: number;
  readonly environment: Readonly<Record<string, string>>;
}

export type Answer =
  | { readonly kind: "opened"; readonly reply: OpenReply }
  | { readonly kind: "ended"; readonly receipt: Receipt }
  | { readonly kind: "error"; readonly code: ErrorCode; readonly reason: string };

/** Whom an effect is for: the fields that every line in the journal carries. */
export interface Subject {
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly leader: number;
  readonly service: string;
}

/** One action on the world outside; daemon.ts runs and logs each. */
export type Effect = { readonly subject: Subject } & (
  | { readonly kind: "refuse"; readonly call: CallId; readonly code: ErrorCode; readonly reason: string }
  /** `view`: the one that the session of an earlier guestd had; it is taken up when the leader still is in it. */
  | { readonly kind: "watch-leader"; readonly pid: number; readonly startTime: number; readonly busName: string; readonly view: View | undefined }
  | { readonly kind: "enclose-leader"; readonly pid: number }
  | { readonly kind: "build-view"; readonly plan: readonly Step[] }
  | { readonly kind: "write-record"; readonly session: Session }
  | { readonly kind: "answer"; readonly call: CallId; readonly answer: Answer }
  | { readonly kind: "announce-opened"; readonly session: Session }
  | { readonly kind: "note-close" }
  | {
      readonly kind: "kill-processes";
      readonly leader: Leader;
      readonly openedUptime: number;
      readonly view: View | undefined;
      readonly cgroups: readonly Cgroup[];
    }
  | { readonly kind: "drop-view" }
  | { readonly kind: "remove-record" }
  | { readonly kind: "announce-closed"; readonly receipt: Receipt }
);

export type EffectKind = Effect["kind"];
