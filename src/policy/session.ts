// What is known of one guest login, from OpenSession to its receipt. Types, and reading them: no decisions.
import type { Limits } from "../config/schema.ts";
import type { Account } from "./account.ts";
import type { Findings, Receipt } from "./receipt.ts";
import type { Retry } from "./retry.ts";
import type { Step } from "./steps.ts";

/** The process that called PAM open_session. Its end is the session's end. */
export interface Leader {
  readonly pid: number;
  /** Start time in clock ticks since boot (/proc/PID/stat, field 22): tells it from a later process of this pid. */
  readonly startTime: number;
}

/** A cgroup of the unified hierarchy. */
export interface Cgroup {
  /** As in /proc/PID/cgroup: from the root of the hierarchy. */
  readonly path: string;
  /** Inode of its directory, in decimal: 64 bits that the kernel gives to no other, so a later one of this name is not it. */
  readonly inode: string;
}

/** Name of the scope unit that guestd has made around the leader of a session. */
export const scopeName = (id: string): string => `guest-${id}.scope`;

/** What the file systems of a session's view say that they were made of. */
export const labelOf = (id: string): string => `guest-${id}`;

/** Name of systemd's slice for all of a user. */
export const sliceName = (uid: number): string => `user-${uid}.slice`;

/**
 * Whether the path is that of a cgroup that a session of this account may have, from the root of the hierarchy:
 * guestd's own scope, logind's, and for an account that has but one session all of the user's slice.
 * Any other could make the end of a session the end of the system.
 */
export function isSessionPath(
  path: string,
  { account: { uid }, leased }: { readonly account: { readonly uid: number }; readonly leased: boolean },
): boolean {
  const slice = `user-${uid}\\.slice`;
  const own = leased
    ? `${slice}(/guest-[a-z0-9]+\\.scope)?`
    : `(guest-[a-z0-9]+|${slice}/session-[A-Za-z0-9]+)\\.scope`;
  return new RegExp(`^/user\\.slice/${own}$`).test(path);
}

/** A namespace that guestd holds a descriptor of. */
export interface Namespace {
  readonly inode: number;
  /** Path of that descriptor, for the reply: /proc/PID/fd/N. */
  readonly path: string;
}

/** What keeps sessions apart that share a uid: namespaces of processes and of IPC. */
export interface Isolation {
  /** The first process of the PID namespace: when it dies, the kernel kills all others in it. */
  readonly reaper: Leader;
  readonly processes: Namespace;
  readonly ipc: Namespace;
}

/** A view that stands. */
export interface View {
  /** Inode of its mount namespace. */
  readonly inode: number;
  /** Path of guestd's descriptor of it, for the reply: /proc/PID/fd/N. */
  readonly path: string;
  /** Devices of its tmpfs: a process that holds one of them in any mount namespace belongs to the session. */
  readonly devices: readonly string[];
  /** Targets of optional steps that were left out. */
  readonly skipped: readonly string[];
  /** Of a session whose account others share. */
  readonly isolation?: Isolation;
}

/**
 * Where a session stands. "allocating", "opening" and "ending" go through the stages of stages.ts one by one;
 * "allocated" (an account was leased, its login goes on) and "open" wait for something to happen;
 * "recovering" is one that an earlier guestd wrote down, whose leader is being looked for.
 */
export type Phase = "allocating" | "allocated" | "opening" | "open" | "ending" | "recovering";

/** Of a record: what it says of a session that is being opened is what it will be. */
export type RecordedPhase = "allocated" | "open" | "ending";

/**
 * Why a session ended. "lost-power": the machine went down while it was open. "record-lost": guestd was started anew and
 * could not read what it had written down of it.
 */
export type EndCause =
  | "logout"
  | "leader-exited"
  | "ended-by-admin"
  | "outer-ended"
  | "open-failed"
  | "never-opened"
  | "lost-power"
  | "record-lost";

export interface Session {
  readonly id: string;
  readonly account: Account;
  /** The account was made for this session and is nobody else's; otherwise several sessions may share it. */
  readonly leased: boolean;
  /** Set when the leased account stands: until then its uid and its name may be somebody else's. */
  readonly published?: boolean;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  /** startTime is 0 until the leader is watched. */
  readonly leader: Leader;
  /** Milliseconds since the epoch, and microseconds of the monotonic clock. */
  readonly openedAt: number;
  readonly openedUptime: number;
  readonly plan: readonly Step[];
  readonly limits: Limits;
  readonly phase: Phase;
  /** Where a session that is recovering stood when it was written down. */
  readonly recordedPhase?: RecordedPhase;
  /** There is a record of it, for a guestd that starts anew. */
  readonly recorded?: boolean;
  readonly view?: View;
  /** It had a view, which an earlier guestd has let go of, or which cannot be told any more. */
  readonly isViewLost?: boolean;
  /**
   * The cgroups that hold all of it: guestd's own for the leader, then the one that logind moved it to.
   * No process without privileges leaves a cgroup, whatever namespaces it makes.
   */
  readonly cgroups: readonly Cgroup[];
  /** The session that this one was started in, by su: it ends with that one. */
  readonly outer?: string;
  /** PAM said that it closed the session; the leader is still there. */
  readonly pamClosed: boolean;
  /** Set when the end was asked for, also while the session is still opening. */
  readonly cause?: EndCause;
  /** The AllocateAccount or OpenSession call that waits for an answer. */
  readonly openCall?: number;
  /** The EndSession calls that wait for the receipt. */
  readonly endCalls: readonly number[];
  /** When the first stage of its end was done, in microseconds of the monotonic clock. */
  readonly endingUptime?: number;
  /** Its record could not be removed: when that is tried again. All else of its end is done. */
  readonly removal?: Retry;
  /** What ending it has found so far. */
  readonly found: Findings;
  /** What is on disk of its end. */
  readonly receipt?: Receipt;
  /** An earlier guestd has begun its end: it may have announced a receipt. */
  readonly isReceiptRecovered?: boolean;
}
