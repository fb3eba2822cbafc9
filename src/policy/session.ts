// What is known of one guest login, from OpenSession to its receipt. Types, and reading them: no decisions.
import type { Account } from "./account.ts";
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

/**
 * Whether the path is that of a session's cgroup, guestd's own or logind's, from the root of the hierarchy.
 * Any other could make the end of a session the end of the system.
 */
export function isSessionPath(path: string): boolean {
  return /^\/user\.slice\/(guest-[a-z0-9]+|user-\d+\.slice\/session-[A-Za-z0-9]+)\.scope$/.test(path);
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
}

/**
 * Where a session stands. "opening" and "ending" go through the stages of stages.ts one by one;
 * "open" waits for something to happen.
 */
export type Phase = "opening" | "open" | "ending";

/** Why a session ended. */
export type EndCause = "logout" | "leader-exited" | "ended-by-admin" | "outer-ended" | "open-failed";

export interface Session {
  readonly id: string;
  readonly account: Account;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  /** startTime is 0 until the leader is watched. */
  readonly leader: Leader;
  /** Milliseconds since the epoch, and microseconds of the monotonic clock. */
  readonly openedAt: number;
  readonly openedUptime: number;
  readonly plan: readonly Step[];
  readonly phase: Phase;
  readonly view?: View;
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
  /** The OpenSession call that waits for an answer. */
  readonly openCall?: number;
  /** The EndSession calls that wait for the receipt. */
  readonly endCalls: readonly number[];
  /** What ending it has found so far. */
  readonly found: Findings;
}

/** What the end of a session took away, and what it could not. */
export interface Findings {
  readonly processesKilled: number;
  /** Each a sentence: a process that would not die, a step that failed. Empty means clean. */
  readonly left: readonly string[];
}

/** The record at the end of a session. */
export interface Receipt {
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly service: string;
  readonly leader: number;
  readonly cause: EndCause;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly closedAt: number;
  readonly processesKilled: number;
  readonly left: readonly string[];
}

export const NOTHING_FOUND: Findings = { processesKilled: 0, left: [] };

/** True when nothing of the session is left. */
export function isClean(receipt: Receipt): boolean {
  return receipt.left.length === 0;
}
