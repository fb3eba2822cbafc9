// What can happen (events) and what can be done about it (effects). All of the daemon is between the two.
import type { Account } from "./account.ts";
import type { Config, Limits } from "../config/schema.ts";
import type { ErrorCode } from "./errors.ts";
import type { Gate } from "./switch.ts";
import type { LeasePool } from "./lease.ts";
import type { PlanFacts } from "./plan.ts";
import type { Findings, Receipt } from "./receipt.ts";
import type { Cgroup, EndCause, Isolation, Leader, Session, View } from "./session.ts";
import type { Step } from "./steps.ts";

/** A call on the bus that waits for an answer. */
export type CallId = number;

export interface AllocateRequested {
  readonly kind: "allocate-requested";
  /** A fresh id for the session, should there be one. */
  readonly id: string;
  readonly call: CallId;
  readonly now: number;
  /** Microseconds of the monotonic clock. */
  readonly uptime: number;
  /** The name that PAM was given. */
  readonly user: string;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  readonly leaderPid: number;
  readonly leaderName: string;
  /** Of the group of guests; undefined when there is none. */
  readonly gid: number | undefined;
  /** Any whole number, for the name of the account. */
  readonly random: number;
}

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

/** At the start: a session that an earlier guestd wrote down. */
export interface RecordFound extends Moment {
  readonly kind: "record-found";
  readonly session: Session;
  /** It cannot go on, and why. */
  readonly cause?: EndCause;
  /** Its end was written down already: it may not have been announced. */
  readonly receipt?: Receipt;
}

export type Event =
  | AllocateRequested
  | OpenRequested
  | { readonly kind: "join-requested"; readonly id: string; readonly call: CallId; readonly uid: number }
  | { readonly kind: "close-hinted"; readonly id: string; readonly leaderPid: number }
  /** The call that a session is made for is waited for no more. */
  | { readonly kind: "call-expired"; readonly id: string }
  | { readonly kind: "end-requested"; readonly id: string; readonly call: CallId }
  /** An administrator answers for it that nothing is left of the guests of a uid. */
  | { readonly kind: "release-requested"; readonly uid: number; readonly call: CallId }
  | { readonly kind: "leader-exited"; readonly id: string }
  /** logind has moved the leader to a cgroup of its own. */
  | { readonly kind: "cgroup-found"; readonly id: string; readonly cgroup: Cgroup }
  | RecordFound
  /** At the start: the uids that were given back, and those that are not handed out. */
  | { readonly kind: "leases-found"; readonly pool: LeasePool }
  /** At the start: the switch of guest logins as it was left. */
  | { readonly kind: "gate-found"; readonly gate: Gate }
  /** An administrator has set it. */
  | { readonly kind: "gate-requested"; readonly gate: Gate; readonly call: CallId }
  | { readonly kind: "config-loaded"; readonly config: Config }
  /** Time has passed. */
  | { readonly kind: "tick"; readonly uptime: number }
  | ({ readonly kind: "effect-done"; readonly effect: Effect; readonly outcome: Outcome } & Moment)
  | ({
      readonly kind: "effect-failed";
      readonly effect: Effect;
      readonly code: ErrorCode;
      readonly reason: string;
    } & Moment);

/** When something was. */
export interface Moment {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Microseconds of the monotonic clock. */
  readonly uptime: number;
}

/** What an effect has found out, where it has. */
export interface Outcome {
  readonly startTime?: number;
  /** The leader of a session that was taken up is not there any more. */
  readonly leaderGone?: boolean;
  readonly cgroups?: readonly Cgroup[];
  readonly view?: View;
  readonly found?: Partial<Findings>;
  /** To whom the uid or the name of an account to be published belongs already. */
  readonly taken?: string;
  /** A receipt was announced before, by a guestd that had no time to note it. */
  readonly repeated?: boolean;
}

/** What guestd answers to OpenSession and JoinSession. */
export interface OpenReply {
  readonly id: string;
  readonly namespace: string;
  readonly inode: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly isolation?: Isolation;
}

/** What guestd answers to AllocateAccount: a name to log in as, the screen unlocked, or "this is for others to decide". */
export type Allocation =
  { readonly verdict: "leased"; readonly user: string } | { readonly verdict: "unlocked" | "ignored" };

export type Answer =
  | { readonly kind: "allocated"; readonly allocation: Allocation }
  | { readonly kind: "opened"; readonly reply: OpenReply }
  | { readonly kind: "ended"; readonly receipt: Receipt }
  | { readonly kind: "released" }
  | { readonly kind: "gated" }
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
  | {
      readonly kind: "watch-leader";
      readonly pid: number;
      readonly startTime: number;
      readonly busName: string;
      readonly view: View | undefined;
    }
  /** Makes an account known to the name service. */
  | { readonly kind: "publish-account"; readonly account: Account }
  /** `leased`: all of the user is the session's, and the limits are the user's. */
  | { readonly kind: "enclose-leader"; readonly pid: number; readonly leased: boolean; readonly limits: Limits }
  /** `isolated`: with namespaces of processes and IPC of its own, whose first process goes into the cgroup. */
  | {
      readonly kind: "build-view";
      readonly plan: readonly Step[];
      readonly isolated: boolean;
      readonly cgroup: Cgroup | undefined;
    }
  | { readonly kind: "write-record"; readonly session: Session }
  /** Writes a session down where a power cut does not reach. */
  | { readonly kind: "enter-ledger"; readonly session: Session }
  | { readonly kind: "answer"; readonly call: CallId; readonly answer: Answer }
  | { readonly kind: "announce-opened"; readonly session: Session }
  | { readonly kind: "note-close" }
  /** The limits of a session on the cgroup that logind has moved it to. */
  | { readonly kind: "limit-login"; readonly cgroup: Cgroup; readonly limits: Limits }
  /** Writes down that the end has begun, and why. */
  | { readonly kind: "note-ending"; readonly session: Session }
  /** Ends the user manager of a leased account. */
  | { readonly kind: "stop-manager" }
  | {
      readonly kind: "kill-processes";
      readonly leader: Leader;
      readonly openedUptime: number;
      readonly leased: boolean;
      readonly view: View | undefined;
      readonly cgroups: readonly Cgroup[];
    }
  /** Has logind and systemd forget a leased account. */
  | { readonly kind: "close-login" }
  /**
   * Looks who else holds what was in the view's memory, and lets go of it. `tmpfs`: the places in it whose content is
   * given back, and their devices. `isLost`: it had one, whose devices may be somebody else's by now.
   */
  | {
      readonly kind: "drop-view";
      readonly leased: boolean;
      readonly tmpfs: readonly string[];
      readonly devices: readonly string[];
      readonly isLost: boolean;
    }
  /** Takes away what a leased account has left outside its view. */
  | { readonly kind: "sweep-account" }
  | { readonly kind: "write-receipt"; readonly receipt: Receipt }
  /** `repeated`: of a guestd that had written it, and perhaps announced it. */
  | { readonly kind: "announce-closed"; readonly receipt: Receipt; readonly repeated: boolean }
  /** Takes a leased account back. */
  | { readonly kind: "release-account" }
  /** `lease`: for a leased account, what becomes of its uid: written down first, or a crash would forget it. */
  | { readonly kind: "remove-record"; readonly lease: { readonly quarantine: string | undefined } | undefined }
  /** Looks again at what a uid in quarantine has left. `session`: id of its last one, "" where nobody knows. */
  | { readonly kind: "sweep-lease"; readonly session: string }
  /** Writes down that a uid may be handed out again. */
  | { readonly kind: "settle-lease"; readonly call: CallId | undefined }
  /** Writes down whether guests may log in. */
  | { readonly kind: "write-gate"; readonly gate: Gate; readonly call: CallId }
);

export type EffectKind = Effect["kind"];
