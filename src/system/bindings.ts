// The only file that loads the addon. Its types are the contract with native/addon.cc.
import { createRequire } from "node:module";
import type { Step } from "../policy/steps.ts";

/** Thrown by every function of the addon. */
export interface NativeError extends Error {
  /** Such as "fsopen tmpfs", "move_mount", "skeleton". */
  readonly step: string;
  /** "" for none. */
  readonly path: string;
  /** Positive; its name is the code ("ENOSPC"). */
  readonly errno: number;
  readonly code: string;
}

/** Its path is /proc/OUR_PID/fd/FD; `inode` is as in `stat /proc/PID/ns/pid`. */
export interface NamespaceFile {
  readonly fd: number;
  readonly inode: number;
}

/** Of a view. The caller owns the descriptor. */
export interface IpcIsolation {
  readonly ipc: NamespaceFile;
}

/**
 * With the reaper: the first process of a PID namespace, a child of guestd in guestd's cgroup. The caller owns all
 * descriptors and the reaper. SIGKILL to `pidfd` ends the namespace; `reap` collects the reaper. After guestd exits,
 * init is its parent.
 */
export interface Isolation extends IpcIsolation {
  /** In guestd's PID namespace. */
  readonly pid: number;
  readonly pidfd: number;
  /** A child of the leader's PID namespace. */
  readonly processes: NamespaceFile;
}

/** The caller owns `fd`. The view lives while it is open, or a process is in it. */
export interface BuiltView {
  readonly fd: number;
  /** As in `stat /proc/PID/ns/mnt`. */
  readonly inode: number;
  /** Devices of the new tmpfs ("0:57", as in mountinfo), in the order of the plan. */
  readonly tmpfs: readonly { readonly target: string; readonly device: string }[];
  /** Optional targets that were left out. */
  readonly skipped: readonly string[];
  /** What copies of skeletons lack: "PATH: ATTRIBUTE", at most 20 of each step, then "and N more". */
  readonly dropped: readonly string[];
  /** Directory of a "keep" step, in guestd's mount namespace. The caller owns the descriptor. */
  readonly kept?: number;
  /** Only with an "mqueue" step or a reaper. */
  readonly isolation?: IpcIsolation | Isolation;
}

export interface Watch {
  /** Ends the callback. May be called twice. */
  stop(): void;
}

export interface SweptFiles {
  /** Files and directories of the user. */
  readonly found: number;
  /** Removed, or given to root. */
  readonly removed: number;
  /** "PATH" or "PATH: WHY", at most 20, then "and N more". Special bytes are \xNN. */
  readonly left: readonly string[];
  /**
   * Where unsearched files may be: below directories that only their other owners can write to; beyond 10,000 names of
   * others or 512 levels; after the limit.
   */
  readonly unseen: readonly string[];
}

export interface WalkProgress {
  readonly done: boolean;
  /** All names so far. */
  readonly names: number;
  /** UIDs with files, as in SweptFiles. */
  readonly owners: readonly {
    readonly uid: number;
    readonly found: number;
    readonly removed: number;
    readonly left: readonly string[];
  }[];
  /** "PATH: WHY". Leaves out unreadable directories below others', which any user could make. */
  readonly unread: readonly string[];
}

/** A walk of everything below some directories. Its descriptors are closed with it, or at its end. */
export interface Walk {
  /**
   * Begins or continues, in a thread that uses only idle processors and disks.
   * @param limitMs when it pauses again
   * @returns rejects with EBUSY while it runs; after another error it cannot continue
   */
  goOn(limitMs: number): Promise<WalkProgress>;
}

export interface Bindings {
  /**
   * Builds a view in a thread, from the mount namespace behind `pidfd`. A failure leaves nothing. If guestd is killed
   * meanwhile, a reaper can be left in its cgroup.
   * @param label source of each tmpfs: 1 to 64 of a-z, 0-9 and "-"
   * @param reaper descriptor of the reaper's executable, for a PID namespace that a "proc" step shows; -1 as undefined.
   * It may end at any time: watch its pidfd.
   */
  buildView(pidfd: number, plan: readonly Step[], label: string, reaper?: number): Promise<BuiltView>;
  /** pidfd_open(2), close-on-exec. The caller closes it. */
  openPidfd(pid: number): number;
  /** Calls `onExit` once, on the main thread. Keeps a copy of the descriptor. */
  watchPidfd(pidfd: number, onExit: () => void): Watch;
  /** pidfd_send_signal(2). */
  sendSignal(pidfd: number, signal: number): void;
  /** Also true for a zombie. Does not block. */
  hasEnded(pidfd: number): boolean;
  /**
   * Whether the peer of an accepted connection (TCP, vsock, or a named AF_UNIX socket) is still there. Looks at a copy
   * of the descriptor and closes it.
   * @returns undefined if the descriptor is no such connection, or does not exist
   * @throws NativeError, step "pidfd_getfd": EPERM with kernel.yama.ptrace_scope=3, ESRCH if the process has ended
   */
  lookAtConnection(pidfd: number, fd: number): "open" | "gone" | undefined;
  /**
   * Returns bytes in the tmpfs of a view. Blocks for about a millisecond.
   * @param fd from buildView
   * @param targets paths of the tmpfs, and `devices` their devices; covered ones count nothing
   */
  measureView(fd: number, targets: readonly string[], devices: readonly string[]): number;
  /**
   * Empties the tmpfs of a view, in a thread. Mounts inside stay, with the directories above them.
   * @param targets as for measureView; covered ones are skipped
   * @param limitMs of processor time; then rejects with ETIMEDOUT
   * @returns bytes still held by files that are open, mapped, or in transit in a socket
   */
  wipeView(fd: number, targets: readonly string[], devices: readonly string[], limitMs: number): Promise<number>;
  /**
   * Removes all System V objects of an IPC namespace, in a thread.
   * @param fd from buildView; guestd's namespace is refused
   * @returns how many there were
   */
  emptyIpc(fd: number): Promise<number>;
  /**
   * Collects a reaper's zombie (waitid(2) without blocking).
   * @returns false while it runs; true if collected, or not guestd's child. The PID namespace ends when all its zombies
   * are collected, including nested reapers.
   */
  reap(pidfd: number): boolean;
  /**
   * Finds a user's files below directories, in a thread, and can remove them. Follows no symbolic link, crosses no
   * mount, opens only directories. Changes meanwhile are no error. Searches where the user could write, and limits the
   * work that others can cause.
   * @param paths absolute; missing ones are skipped. The directory itself is given to root.
   * @param uid not root's
   * @param remove gives the user's directories to root (mode 0700, the UID as group), removes the user's files in them,
   * then empty directories. Others' files stay. Works below 512 levels, too.
   * @param limitMs ends it, done or not; a silent file system blocks longer
   */
  sweepFiles(paths: readonly string[], uid: number, remove: boolean, limitMs: number): Promise<SweptFiles>;
  /**
   * Returns a walk that removes files as sweepFiles does, but without limits on others' files.
   * @param paths as for sweepFiles
   * @param uids not root's
   */
  openWalk(paths: readonly string[], uids: readonly number[]): Walk;
  /**
   * sd_notify(3): one datagram to the service manager, without blocking.
   * @param address as in NOTIFY_SOCKET: "/path" or "@abstract"
   * @param fds up to 253; copies are sent, for FDSTORE=1
   * @throws NativeError, step "notify": EAGAIN if the manager's queue is full
   */
  notify(address: string, state: string, fds: readonly number[]): void;
  /** IPC_RMID in guestd's IPC namespace. A missing object is no error. */
  removeIpc(kind: "shm" | "sem" | "msg", id: number): void;
  /**
   * Opens the POSIX message queues of guestd's IPC namespace, mounted nowhere.
   * @returns a descriptor to list and unlink through /proc/self/fd; the caller closes it
   */
  openQueues(): number;
  /**
   * umount2(2) in guestd's mount namespace. Follows no link at the end of the path.
   * @param path absolute; only root may be able to change it
   * @throws NativeError, step "umount2": EBUSY while in use, EINVAL if nothing is mounted
   */
  unmount(path: string): void;
  probe(): Abilities;
}

export interface Abilities {
  readonly overlay: boolean;
  /** Can keep a tmpfs out of swap. */
  readonly noswap: boolean;
}

/** @throws Error of dlopen if the addon is missing, or built for another system */
export function loadBindings(): Bindings {
  return createRequire(import.meta.url)("#guestns") as Bindings;
}
