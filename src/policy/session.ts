// What is known about one guest login, from its first call to its receipt: a type for each phase, and
// functions that read them. No decisions.
import type { Limits } from "../config/schema.ts";
import type { Account } from "./account.ts";
import type { CallId } from "./call.ts";
import type { Acceptance } from "./notice.ts";
import type { EndCause, Findings, Receipt } from "./receipt.ts";
import type { Retry } from "./retry.ts";
import type { Step } from "./steps.ts";

/** The process that called PAM's open_session. The session ends with it. */
export interface Leader {
  readonly pid: number;
  /** Start time in clock ticks since boot (/proc/PID/stat, field 22): tells it from a later process with this PID. */
  readonly startTime: number;
  /** Path of the pseudo-terminal that it was called at. While that is open, no other terminal has this path. */
  readonly terminal?: string;
}

/** Whether it can be the path of a pseudo-terminal of this machine. */
export const isTerminalPath = (path: unknown): boolean => typeof path === "string" && /^\/dev\/pts\/\d+$/.test(path);

/** A cgroup of the unified hierarchy. */
export interface Cgroup {
  /** As in /proc/PID/cgroup: from the root of the hierarchy. */
  readonly path: string;
  /**
   * Inode of its directory, in decimal. The kernel never reuses this 64-bit number, so a later cgroup with
   * this name is not taken for it.
   */
  readonly inode: string;
}

/** Name of the scope unit that guestd makes around the leader of a session. */
export const scopeName = (id: string): string => `guest-${id}.scope`;

/** Source name of the file systems of a session's view. */
export const labelOf = (id: string): string => `guest-${id}`;

/** Name of systemd's slice for all sessions of a user. */
export const sliceName = (uid: number): string => `user-${uid}.slice`;

/**
 * Whether a session of this account may have the cgroup at this path, from the root of the hierarchy:
 * guestd's own scope, logind's, and for a leased account the user's slice. Any other could make the end of a
 * session the end of the system.
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

/** A namespace that guestd holds by a descriptor. */
export interface Namespace {
  readonly inode: number;
  /** Path of that descriptor, for the reply: /proc/PID/fd/N. */
  readonly path: string;
}

/** Isolates the IPC objects of a session from those of the host. */
export interface IpcIsolation {
  readonly ipc: Namespace;
}

/** Isolates sessions that share a UID: a PID namespace as well. */
export interface Isolation extends IpcIsolation {
  /** The first process of the PID namespace. When it dies, the kernel kills all others in it. */
  readonly reaper: Leader;
  readonly processes: Namespace;
}

/** Whether a session has a PID namespace of its own. */
export const hasProcesses = (isolation: IpcIsolation | Isolation | undefined): isolation is Isolation =>
  isolation !== undefined && "reaper" in isolation;

export interface View {
  /** Inode of its mount namespace. */
  readonly inode: number;
  /** Path of guestd's descriptor of it, for the reply: /proc/PID/fd/N. */
  readonly path: string;
  /** Devices of its tmpfs. A process that has one of them mounted, in any mount namespace, belongs to the session. */
  readonly devices: readonly string[];
  /** Targets of optional steps that were left out. */
  readonly skipped: readonly string[];
  /** With a PID namespace if the account is shared; undefined if IPC and processes are the host's. */
  readonly isolation?: IpcIsolation | Isolation;
}

/** What is known about every session, and written to its record. */
export interface Login {
  readonly id: string;
  readonly account: Account;
  /** The account was made for this session and belongs to it alone. Otherwise several sessions may share it. */
  readonly leased: boolean;
  /** The leased account has been published. Before that its UID and name may belong to others. */
  readonly published: boolean;
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
  /**
   * The cgroups with all its processes: guestd's own for the leader, then the one that logind moved it to. A process
   * without privileges cannot leave its cgroup, whatever namespaces it makes.
   */
  readonly cgroups: readonly Cgroup[];
  /** The session that this one was started in, by su. It ends with that one. */
  readonly outer: string | undefined;
  /** Of the terms of use; undefined if there were none. */
  readonly acceptance: Acceptance | undefined;
}

interface Known extends Login {
  /** Its record is on disk, for a guestd that restarts. */
  readonly hasRecord: boolean;
  /** The EndSession calls that wait for the receipt. */
  readonly endCalls: readonly CallId[];
}

/** An account is being leased for it, stage by stage. */
export interface Allocating extends Known {
  readonly phase: "allocating";
  readonly leased: true;
  /** Unique bus name of the leader. */
  readonly busName: string;
  /** Names that were not used because something exists at the path of the home. */
  readonly refusedNames: readonly string[];
  /** The AllocateAccount call that waits for an answer. */
  readonly call: CallId;
  readonly view: undefined;
  /** Set when its end is requested. It ends when the running effect is done. */
  readonly cause: EndCause | undefined;
}

/** It has its leased account and waits for the login to continue; or, after a failure, for the leader to exit. */
export interface Allocated extends Known {
  readonly phase: "allocated";
  readonly leased: true;
  /** Only after a failure. */
  readonly view: View | undefined;
  readonly cause: "open-failed" | undefined;
}

interface OpeningLogin extends Known {
  readonly phase: "opening";
  /** Shown to the guest in the terminal; may be empty. */
  readonly notice: string;
  readonly busName: string;
  /** The OpenSession call that waits for an answer. */
  readonly call: CallId;
  readonly cause: EndCause | undefined;
}

/** It opens and has no view yet. */
export interface Preparing extends OpeningLogin {
  readonly view: undefined;
}

/** It has a view. It is recorded, and its leader is admitted. */
export interface Admitting extends OpeningLogin {
  readonly view: View;
}

export type Opening = Preparing | Admitting;

/** Its guest is in. */
export interface Open extends Known {
  readonly phase: "open";
  /** "lost": an earlier guestd closed it, or it cannot be identified any more. */
  readonly view: View | "lost";
  /** PAM has closed the session, but the leader is still there. */
  readonly pamClosed: boolean;
  /** PIDs of its processes at that time: logind may end them before guestd does. */
  readonly running: readonly number[];
  /** Since when its connection is gone, in microseconds of the monotonic clock; undefined while there may be one. */
  readonly disconnectedUptime: number | undefined;
}

/** It ends, stage by stage. */
export interface Ending extends Known {
  readonly phase: "ending";
  readonly view: View | "lost" | undefined;
  readonly cause: EndCause;
  /** When its end began, in microseconds of the monotonic clock. */
  readonly begunUptime: number;
  /**
   * PIDs of its processes at that time, or when PAM closed it. Not recorded: a restarted
   * guestd lists those that are left.
   */
  readonly running: readonly number[];
  /** What its end has found so far. */
  readonly found: Findings;
  /** The receipt that is on disk or was announced. */
  readonly receipt: Receipt | undefined;
  /** An earlier guestd began its end, and may have announced a receipt. */
  readonly wasBegun: boolean;
  /** When removing its record is tried again, if only that is left. */
  readonly removal: Retry | undefined;
}

/** An earlier guestd recorded it. Its leader and its view are being looked for. */
export interface Recovering extends Known {
  readonly phase: "recovering";
  /** Its phase in the record. */
  readonly recorded: SavedSession["phase"];
  readonly recordedView: View | undefined;
  /** "lost" until it is taken up; undefined if there was none. */
  readonly view: View | "lost" | undefined;
  readonly cause: EndCause | undefined;
}

export type Session = Allocating | Allocated | Opening | Open | Ending | Recovering;

/** What a record holds about a session. A session that is opening is recorded as open. */
export type SavedSession = SavedAllocated | SavedOpen | SavedEnding;

interface SavedAllocated extends Login {
  readonly phase: "allocated";
}

interface SavedOpen extends Login {
  readonly phase: "open";
  readonly view: View | "lost";
}

export interface SavedEnding extends Login {
  readonly phase: "ending";
  readonly view: View | "lost" | undefined;
  readonly cause: EndCause;
}

/** The first process of the PID namespace of a view, if it has one. */
export const reaperOf = (view: View | "lost" | undefined): Leader | undefined =>
  view !== undefined && view !== "lost" && hasProcesses(view.isolation) ? view.isolation.reaper : undefined;

/** The view of a session, if it exists and is held. */
export const standingView = ({ view }: Pick<Session, "view">): View | undefined => (view === "lost" ? undefined : view);

/** The session once its guest is in. */
export function becomeOpen({
  busName: _name,
  call: _answered,
  cause: _none,
  notice: _told,
  ...session
}: Admitting): Open {
  return { ...session, phase: "open", pamClosed: false, running: [], disconnectedUptime: undefined };
}

/** The part of a session that its record has in every phase. */
export function loginOf(session: Login): Login {
  const { id, account, leased, published, service, tty, rhost, leader, openedAt, openedUptime } = session;
  const { plan, limits, cgroups, outer, acceptance } = session;
  const who = { id, account, leased, published, service, tty, rhost, leader, outer };
  return { ...who, openedAt, openedUptime, plan, limits, cgroups, acceptance };
}

export function savedOf(session: Allocating | Admitting | Open): SavedSession {
  const login = loginOf(session);
  if (session.phase === "allocating") return { ...login, phase: "allocated" };
  return { ...login, phase: "open", view: session.view };
}

/** What is recorded about a session when its end begins. */
export function savedEnding(session: Ending): SavedEnding {
  return { ...loginOf(session), phase: "ending", view: session.view, cause: session.cause };
}
