// What is known of one guest login, from its first call to its receipt: a type for each phase. Types, and reading them:
// no decisions.
import type { Limits } from "../config/schema.ts";
import type { Account } from "./account.ts";
import type { CallId } from "./call.ts";
import type { Acceptance } from "./notice.ts";
import type { EndCause, Findings, Receipt } from "./receipt.ts";
import type { Retry } from "./retry.ts";
import type { Step } from "./steps.ts";

/** The process that called PAM open_session. Its end is the session's end. */
export interface Leader {
  readonly pid: number;
  /** Start time in clock ticks since boot (/proc/PID/stat, field 22): tells it from a later process of this pid. */
  readonly startTime: number;
  /** Path of the pseudo-terminal that it was called at: as long as that is open, no other has this path. */
  readonly terminal?: string;
}

/** Whether it can be the path of a pseudo-terminal of this machine. */
export const isTerminalPath = (path: unknown): boolean => typeof path === "string" && /^\/dev\/pts\/\d+$/.test(path);

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

/** What keeps the IPC objects of a session apart from those of the host. */
export interface IpcIsolation {
  readonly ipc: Namespace;
}

/** What keeps sessions apart that share a uid: a namespace of processes as well. */
export interface Isolation extends IpcIsolation {
  /** The first process of the PID namespace: when it dies, the kernel kills all others in it. */
  readonly reaper: Leader;
  readonly processes: Namespace;
}

/** Whether a session has a PID namespace of its own. */
export const hasProcesses = (isolation: IpcIsolation | Isolation | undefined): isolation is Isolation =>
  isolation !== undefined && "reaper" in isolation;

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
  /** With processes of its own where others share the account; undefined where it shares all that with the host. */
  readonly isolation?: IpcIsolation | Isolation;
}

/** What is known of every session, and stands in its record. */
export interface Login {
  readonly id: string;
  readonly account: Account;
  /** The account was made for this session and belongs to it alone; otherwise several sessions may share it. */
  readonly leased: boolean;
  /** The leased account stands: until then its UID and its name may belong to others. */
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
   * The cgroups that hold all of it: guestd's own for the leader, then the one that logind moved it to.
   * No process without privileges leaves a cgroup, whatever namespaces it makes.
   */
  readonly cgroups: readonly Cgroup[];
  /** The session that this one was started in, by su: it ends with that one. */
  readonly outer: string | undefined;
  /** Of the terms of use; undefined where there were none. */
  readonly acceptance: Acceptance | undefined;
}

interface Known extends Login {
  /** A record of it is on disk, for a guestd that starts again. */
  readonly hasRecord: boolean;
  /** The EndSession calls that wait for the receipt. */
  readonly endCalls: readonly CallId[];
}

/** An account is being leased for it, stage by stage. */
export interface Allocating extends Known {
  readonly phase: "allocating";
  readonly leased: true;
  /** Unique name of the leader on the bus. */
  readonly busName: string;
  /** Names that were not taken, as something is at the paths of their homes. */
  readonly refusedNames: readonly string[];
  /** The AllocateAccount call that waits for an answer. */
  readonly call: CallId;
  readonly view: undefined;
  /** Set when its end is asked for: it ends when the effect that runs is done. */
  readonly cause: EndCause | undefined;
}

/** It has its leased account and waits for the login to go on; or, after a failure, for the leader to end. */
export interface Allocated extends Known {
  readonly phase: "allocated";
  readonly leased: true;
  /** Only after a failure. */
  readonly view: View | undefined;
  readonly cause: "open-failed" | undefined;
}

interface OpeningLogin extends Known {
  readonly phase: "opening";
  /** What the guest is told in the terminal; empty for nothing. */
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

/** Its view stands; it is written down, and its leader is let in. */
export interface Admitting extends OpeningLogin {
  readonly view: View;
}

export type Opening = Preparing | Admitting;

/** Its guest is in. */
export interface Open extends Known {
  readonly phase: "open";
  /** "lost": an earlier guestd has let go of it, or it cannot be told any more. */
  readonly view: View | "lost";
  /** PAM said that it closed the session; the leader is still there. */
  readonly pamClosed: boolean;
  /** The pids of the processes that it had then: logind may be first at ending them. */
  readonly running: readonly number[];
  /** Since when nobody is connected to it, in microseconds of the monotonic clock; undefined while somebody may be. */
  readonly disconnectedUptime: number | undefined;
}

/** It ends, stage by stage. */
export interface Ending extends Known {
  readonly phase: "ending";
  readonly view: View | "lost" | undefined;
  readonly cause: EndCause;
  /** When its end began, in microseconds of the monotonic clock. */
  readonly begunUptime: number;
  /** The pids of the processes that it had then, or when PAM closed it. Not written down: a guestd that goes on with the end lists those that are left. */
  readonly running: readonly number[];
  /** What ending it has found so far. */
  readonly found: Findings;
  /** What is on disk of its end, or was announced. */
  readonly receipt: Receipt | undefined;
  /** An earlier guestd began its end: it may have announced a receipt. */
  readonly wasBegun: boolean;
  /** All is done but that its record could not be removed: when that is tried again. */
  readonly removal: Retry | undefined;
}

/** An earlier guestd wrote it down; its leader and its view are being looked for. */
export interface Recovering extends Known {
  readonly phase: "recovering";
  /** Where it stood when it was written down. */
  readonly recorded: SavedSession["phase"];
  readonly recordedView: View | undefined;
  /** "lost" until it is taken up; undefined where there was none. */
  readonly view: View | "lost" | undefined;
  readonly cause: EndCause | undefined;
}

export type Session = Allocating | Allocated | Opening | Open | Ending | Recovering;

/** What a record holds of a session. One that is being opened is written down as what it will be. */
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

/** The first process of the PID namespace of a view, where it has one. */
export const reaperOf = (view: View | "lost" | undefined): Leader | undefined =>
  view !== undefined && view !== "lost" && hasProcesses(view.isolation) ? view.isolation.reaper : undefined;

/** The view of a session, as far as it stands and is held. */
export const standingView = ({ view }: Pick<Session, "view">): View | undefined => (view === "lost" ? undefined : view);

/** The session when its guest is in. */
export function becomeOpen({
  busName: _name,
  call: _answered,
  cause: _none,
  notice: _told,
  ...session
}: Admitting): Open {
  return { ...session, phase: "open", pamClosed: false, running: [], disconnectedUptime: undefined };
}

/** The part of a session that its record has whatever its phase. */
export function loginOf(session: Login): Login {
  const { id, account, leased, published, service, tty, rhost, leader, openedAt, openedUptime } = session;
  const { plan, limits, cgroups, outer, acceptance } = session;
  const who = { id, account, leased, published, service, tty, rhost, leader, outer };
  return { ...who, openedAt, openedUptime, plan, limits, cgroups, acceptance };
}

/** What is written down of a session. */
export function savedOf(session: Allocating | Admitting | Open): SavedSession {
  const login = loginOf(session);
  if (session.phase === "allocating") return { ...login, phase: "allocated" };
  return { ...login, phase: "open", view: session.view };
}

/** What is written down of a session when its end begins. */
export function savedEnding(session: Ending): SavedEnding {
  return { ...loginOf(session), phase: "ending", view: session.view, cause: session.cause };
}
