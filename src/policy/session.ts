// What is known about one login: a type for each phase, and functions that read them. No decisions.
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
  /** In clock ticks since boot (/proc/PID/stat, field 22). Differs if the PID is reused. */
  readonly startTime: number;
  /** Path of its pseudo-terminal. While that is open, no other has this path. */
  readonly terminal?: string;
}

export const isTerminalPath = (path: unknown): boolean => typeof path === "string" && /^\/dev\/pts\/\d+$/.test(path);

/** A cgroup of the unified hierarchy. */
export interface Cgroup {
  /** From the root of the hierarchy, as in /proc/PID/cgroup. */
  readonly path: string;
  /** Of its directory, in decimal. The kernel never reuses this 64-bit number. */
  readonly inode: string;
}

/** The scope unit that guestd makes around the leader. */
export const scopeName = (id: string): string => `guest-${id}.scope`;

/** Source name of the view's file systems. */
export const labelOf = (id: string): string => `guest-${id}`;

export const sliceName = (uid: number): string => `user-${uid}.slice`;

/**
 * Whether a session may have this cgroup. With any other, the end of the session could end the system.
 * @param path from the root of the hierarchy
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

export interface Namespace {
  readonly inode: number;
  /** Path of guestd's descriptor, for the reply: /proc/PID/fd/N. */
  readonly path: string;
}

/** Isolates the session's IPC objects from the host's. */
export interface IpcIsolation {
  readonly ipc: Namespace;
}

/** Isolates sessions of one UID from each other as well. */
export interface Isolation extends IpcIsolation {
  /** First process of the PID namespace: when it dies, all others do. */
  readonly reaper: Leader;
  readonly processes: Namespace;
}

export const hasProcesses = (isolation: IpcIsolation | Isolation | undefined): isolation is Isolation =>
  isolation !== undefined && "reaper" in isolation;

export interface View {
  /** Inode of its mount namespace. */
  readonly inode: number;
  /** Path of guestd's descriptor, for the reply: /proc/PID/fd/N. */
  readonly path: string;
  /** Devices of its tmpfs. A process that has one mounted, in any namespace, is the session's. */
  readonly devices: readonly string[];
  /** Targets of optional steps that were left out. */
  readonly skipped: readonly string[];
  /** Undefined if IPC and processes are the host's. */
  readonly isolation?: IpcIsolation | Isolation;
}

/** What is recorded about every session. */
export interface Login {
  readonly id: string;
  readonly account: Account;
  /** The account was made for this session alone. Otherwise several may share it. */
  readonly leased: boolean;
  /** Before the account is published, its UID and name may be another user's. */
  readonly published: boolean;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  /** startTime is 0 until the leader is watched. */
  readonly leader: Leader;
  /** In milliseconds since the epoch. */
  readonly openedAt: number;
  /** In microseconds of the monotonic clock. */
  readonly openedUptime: number;
  readonly plan: readonly Step[];
  readonly limits: Limits;
  /** They contain all its processes, which cannot leave them: guestd's for the leader, then logind's. */
  readonly cgroups: readonly Cgroup[];
  /** The session that ran su for this one. This one ends with it. */
  readonly outer: string | undefined;
  /** Undefined if there were no terms of use. */
  readonly acceptance: Acceptance | undefined;
}

interface Known extends Login {
  readonly hasRecord: boolean;
  /** EndSession calls that wait for the receipt. */
  readonly endCalls: readonly CallId[];
}

export interface Allocating extends Known {
  readonly phase: "allocating";
  readonly leased: true;
  /** The leader's unique bus name. */
  readonly busName: string;
  /** Names whose homes exist already. */
  readonly refusedNames: readonly string[];
  readonly call: CallId;
  readonly view: undefined;
  /** Set if its end is requested while an effect runs. */
  readonly cause: EndCause | undefined;
}

/** Has its account and waits for the login, or after a failure for the leader's exit. */
export interface Allocated extends Known {
  readonly phase: "allocated";
  readonly leased: true;
  /** Only after a failure. */
  readonly view: View | undefined;
  readonly cause: "open-failed" | undefined;
}

interface OpeningLogin extends Known {
  readonly phase: "opening";
  /** Shown in the terminal; may be empty. */
  readonly notice: string;
  readonly busName: string;
  readonly call: CallId;
  readonly cause: EndCause | undefined;
}

export interface Preparing extends OpeningLogin {
  readonly view: undefined;
}

/** It has a view. It is recorded, and its leader is admitted. */
export interface Admitting extends OpeningLogin {
  readonly view: View;
}

export type Opening = Preparing | Admitting;

export interface Open extends Known {
  readonly phase: "open";
  /** "lost": an earlier guestd closed it, or it cannot be identified. */
  readonly view: View | "lost";
  /** PAM has closed it; the leader lives. */
  readonly pamClosed: boolean;
  /** PIDs of its processes when PAM closed it. logind may end them first. */
  readonly running: readonly number[];
  /** When its connection was lost, in microseconds of the monotonic clock. */
  readonly disconnectedUptime: number | undefined;
}

export interface Ending extends Known {
  readonly phase: "ending";
  readonly view: View | "lost" | undefined;
  readonly cause: EndCause;
  /** In microseconds of the monotonic clock. */
  readonly begunUptime: number;
  /** PIDs of its processes at that time, or when PAM closed it. Not recorded: a restarted guestd lists them again. */
  readonly running: readonly number[];
  readonly found: Findings;
  /** On disk, or announced. */
  readonly receipt: Receipt | undefined;
  /** An earlier guestd began the end, and may have announced a receipt. */
  readonly wasBegun: boolean;
  /** When to try again to remove the record. */
  readonly removal: Retry | undefined;
}

/** An earlier guestd recorded it. Its leader and view are being looked for. */
export interface Recovering extends Known {
  readonly phase: "recovering";
  readonly recorded: SavedSession["phase"];
  readonly recordedView: View | undefined;
  /** "lost" until taken up; undefined if there was none. */
  readonly view: View | "lost" | undefined;
  readonly cause: EndCause | undefined;
}

export type Session = Allocating | Allocated | Opening | Open | Ending | Recovering;

/** An opening session is recorded as open. */
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

export const reaperOf = (view: View | "lost" | undefined): Leader | undefined =>
  view !== undefined && view !== "lost" && hasProcesses(view.isolation) ? view.isolation.reaper : undefined;

export const standingView = ({ view }: Pick<Session, "view">): View | undefined => (view === "lost" ? undefined : view);

export function becomeOpen({
  busName: _name,
  call: _answered,
  cause: _none,
  notice: _told,
  ...session
}: Admitting): Open {
  return { ...session, phase: "open", pamClosed: false, running: [], disconnectedUptime: undefined };
}

/** What is recorded in every phase. */
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

export function savedEnding(session: Ending): SavedEnding {
  return { ...loginOf(session), phase: "ending", view: session.view, cause: session.cause };
}
