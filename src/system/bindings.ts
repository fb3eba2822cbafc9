// Loads the native addon, as the only file. Its types are the contract with native/addon.cc.
import { createRequire } from "node:module";
import type { Step } from "../policy/steps.ts";

/** What every function of the addon throws or rejects with. */
export interface NativeError extends Error {
  /** "fsopen tmpfs", "move_mount", "skeleton", ... */
  readonly step: string;
  /** "" if there is no path. */
  readonly path: string;
  /** Positive, and its name ("ENOSPC"). */
  readonly errno: number;
  readonly code: string;
}

/** Its path is /proc/OUR_PID/fd/FD; `inode` is as in `stat /proc/PID/ns/pid`. */
export interface NamespaceFile {
  readonly fd: number;
  readonly inode: number;
}

/** A view's own. The caller owns the descriptor. */
export interface IpcIsolation {
  readonly ipc: NamespaceFile;
}

/**
 * With a PID namespace of the view's own, and the reaper: its first process, a child of guestd in guestd's cgroup. The
 * caller owns all descriptors and the reaper. SIGKILL to `pidfd` ends everything in the PID namespace; `reap` collects
 * the reaper. After guestd exits, the reaper is a child of init.
 */
export interface Isolation extends IpcIsolation {
  /** In guestd's own PID namespace. */
  readonly pid: number;
  readonly pidfd: number;
  /** A child of the leader's. */
  readonly processes: NamespaceFile;
}

/** The caller owns `fd`. The view lives as long as `fd` is open or a process is in it. */
export interface BuiltView {
  readonly fd: number;
  /** As in `stat /proc/PID/ns/mnt`. */
  readonly inode: number;
  /** Devices of the new tmpfs ("0:57", as in /proc/PID/mountinfo), in the order of the plan. */
  readonly tmpfs: readonly { readonly target: string; readonly device: string }[];
  /** Targets of optional steps that were left out. */
  readonly skipped: readonly string[];
  /** What the copies of the skeletons lack: "PATH: ATTRIBUTE", at most 20 of each step and then "and N more". */
  readonly dropped: readonly string[];
  /** The directory of a "keep" step, in guestd's own mount namespace. The caller owns the descriptor. */
  readonly kept?: number;
  /** Only with an "mqueue" step or a reaper. A reaper gives a PID namespace. */
  readonly isolation?: IpcIsolation | Isolation;
}

export interface Watch {
  /** The callback is not called any more. May be called twice. */
  stop(): void;
}

export interface SweptFiles {
  /** Files and directories of the user. */
  readonly found: number;
  /** How many of these were removed or given to root. */
  readonly removed: number;
  /** "PATH" or "PATH: WHY", at most 20 and then "and N more". Special bytes are \xNN. */
  readonly left: readonly string[];
  /**
   * Paths below which the user may have something that was not looked at: directories of others where others cannot
   * write; more than 10,000 names of others; more than 512 levels; no time left.
   */
  readonly unseen: readonly string[];
}

export interface WalkProgress {
  readonly done: boolean;
  /** All names so far. */
  readonly names: number;
  /** For each UID with files, as in SweptFiles. */
  readonly owners: readonly {
    readonly uid: number;
    readonly found: number;
    readonly removed: number;
    readonly left: readonly string[];
  }[];
  /** "PATH: WHY". Leaves out what is unreadable below a directory of others, because any user could make one. */
  readonly unread: readonly string[];
}

/** A walk of everything below some directories. Its descriptors are closed with it, and when it is done. */
export interface Walk {
  /**
   * Begins or continues, in a thread that uses processor and disk only when they are idle.
   * @param limitMs when it pauses again
   * @returns rejects with EBUSY while it is running; after any other error it cannot continue
   */
  goOn(limitMs: number): Promise<WalkProgress>;
}

export interface Bindings {
  /**
   * Builds a view in a thread of its own, from the mount namespace of the process behind `pidfd`. A failure leaves
   * nothing. If guestd is killed before the result arrives, a reaper can be left in its cgroup.
   * @param label source of each new tmpfs, as in /proc/PID/mountinfo: 1 to 64 of a-z, 0-9 and "-"
   * @param reaper descriptor of the reaper's executable, for a PID namespace of the view's own, which a "proc" step
   * then shows; -1 as undefined. The reaper may end at any time: watch its pidfd.
   */
  buildView(pidfd: number, plan: readonly Step[], label: string, reaper?: number): Promise<BuiltView>;
  /** pidfd_open(2), close-on-exec. The caller closes it with fs.closeSync. */
  openPidfd(pid: number): number;
  /** Calls `onExit` once, on the main thread, when the process has ended. Keeps its own copy of the descriptor. */
  watchPidfd(pidfd: number, onExit: () => void): Watch;
  /** pidfd_send_signal(2). */
  sendSignal(pidfd: number, signal: number): void;
  /** Also true for a zombie. Does not block. */
  hasEnded(pidfd: number): boolean;
  /**
   * Whether the peer of a connection (TCP, vsock, or to a named AF_UNIX socket) that another process has accepted is
   * still there. Looks at a copy of the descriptor and closes it.
   * @returns undefined if the descriptor is no such connection, or does not exist
   * @throws NativeError, step "pidfd_getfd": EPERM with kernel.yama.ptrace_scope=3, ESRCH if the process has ended
   */
  lookAtConnection(pidfd: number, fd: number): "open" | "gone" | undefined;
  /**
   * Bytes that the tmpfs of a view hold. Blocks for about a millisecond.
   * @param fd the view, from buildView
   * @param targets their paths, and `devices` their devices; one that is covered by another mount counts nothing
   */
  measureView(fd: number, targets: readonly string[], devices: readonly string[]): number;
  /**
   * Empties the tmpfs of a view, in a thread of its own. Mounts inside them stay, with the directories on the way.
   * @param targets as for measureView; one that is covered by another mount is skipped
   * @param limitMs rejects with ETIMEDOUT after this much processor time of its thread
   * @returns bytes they hold after that: in files that are open, mapped, or in transit in a socket
   */
  wipeView(fd: number, targets: readonly string[], devices: readonly string[], limitMs: number): Promise<number>;
  /**
   * Removes all System V objects of an IPC namespace, in a thread of its own.
   * @param fd the namespace, from buildView; guestd's own is refused
   * @returns how many there were
   */
  emptyIpc(fd: number): Promise<number>;
  /**
   * Collects the zombie of a reaper (waitid(2) without blocking).
   * @returns false while it runs; true if it is collected or is not guestd's child. A PID namespace ends only when the
   * zombies of all its processes are collected, including nested reapers.
   */
  reap(pidfd: number): boolean;
  /**
   * Finds the files of a user below some directories, in a thread of its own, and removes them on demand. Follows no
   * symbolic link, crosses no mount, opens only directories. Changes meanwhile are no error. Searches where the user
   * could write, within limits on work that other users can cause.
   * @param paths absolute; missing ones are skipped. The directory at a path itself is given to root and stays.
   * @param uid not root's
   * @param remove gives the user's directories to root (mode 0700, the UID as their group), removes the user's files in
   * them, then those that are empty. Files of others stay. A directory more than 512 levels deep is emptied too.
   * @param limitMs when it ends, done or not; a file system that does not answer blocks it longer
   */
  sweepFiles(paths: readonly string[], uid: number, remove: boolean, limitMs: number): Promise<SweptFiles>;
  /**
   * A walk that removes files as sweepFiles does, but without limits on other users' files.
   * @param paths as for sweepFiles
   * @param uids not root's
   */
  openWalk(paths: readonly string[], uids: readonly number[]): Walk;
  /**
   * sd_notify(3): one datagram to the service manager, without blocking.
   * @param address as in NOTIFY_SOCKET: "/path" or "@abstract"
   * @param fds up to 253; copies are sent along, for FDSTORE=1
   * @throws NativeError, step "notify": EAGAIN if the manager's queue is full
   */
  notify(address: string, state: string, fds: readonly number[]): void;
  /** IPC_RMID in guestd's own IPC namespace. A missing object is no error. */
  removeIpc(kind: "shm" | "sem" | "msg", id: number): void;
  /**
   * The POSIX message queues of guestd's own IPC namespace, on a file system mounted nowhere.
   * @returns a descriptor to list and unlink through /proc/self/fd; the caller closes it
   */
  openQueues(): number;
  /**
   * umount2(2) in guestd's own mount namespace. Does not follow a link at the end of the path.
   * @param path absolute, and only root can change it
   * @throws NativeError, step "umount2": EBUSY while something uses it, EINVAL if nothing is mounted
   */
  unmount(path: string): void;
  probe(): Abilities;
}

/** Features that not every kernel has. */
export interface Abilities {
  readonly overlay: boolean;
  /** Can keep a tmpfs out of swap. */
  readonly noswap: boolean;
}

/** @throws Error of dlopen if the addon is missing or was built for another system */
export function loadBindings(): Bindings {
  return createRequire(import.meta.url)("#guestns") as Bindings;
}
