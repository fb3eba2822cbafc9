// The one file that loads the native addon; its types are the contract with native/addon.cc.
// No meaning here: what is built, watched and killed is decided elsewhere.
import { createRequire } from "node:module";
import type { Step } from "../policy/steps.ts";

/** What every function of the addon throws or rejects with. */
export interface NativeError extends Error {
  /** What was being done: "fsopen tmpfs", "move_mount", "skeleton", ... */
  readonly step: string;
  /** On what, or "" where there is no path. */
  readonly path: string;
  /** The kernel's positive error number, and its name ("ENOSPC"). */
  readonly errno: number;
  readonly code: string;
}

/** An open namespace file: /proc/OUR_PID/fd/FD is its path, `inode` as in `stat /proc/PID/ns/pid`. */
export interface NamespaceFile {
  readonly fd: number;
  readonly inode: number;
}

/** An IPC namespace of a view's own. The caller owns the descriptor. */
export interface IpcIsolation {
  readonly ipc: NamespaceFile;
}

/**
 * With a PID namespace of the view's own, and the reaper: its first process, and a child of ours.
 * The caller owns all descriptors, and the reaper: SIGKILL to `pidfd` ends it and all in the PID namespace, `reap` takes it away.
 * It becomes init's child when we end; it stays in our cgroup and in the view's mount namespace until then and after.
 */
export interface Isolation extends IpcIsolation {
  /** The reaper, as our own PID namespace counts. */
  readonly pid: number;
  readonly pidfd: number;
  /** The PID namespace: a child of the leader's. */
  readonly processes: NamespaceFile;
}

/** A view that was built. The caller owns `fd`: the view lives as long as it is open or a process is in it. */
export interface BuiltView {
  readonly fd: number;
  /** Inode of the mount namespace, as in `stat /proc/PID/ns/mnt`. */
  readonly inode: number;
  /** Device of each tmpfs that was made ("0:57", as in /proc/PID/mountinfo), in the order of the plan. */
  readonly tmpfs: readonly { readonly target: string; readonly device: string }[];
  /** Targets of optional steps that were left out. */
  readonly skipped: readonly string[];
  /** Attributes of files that are not in the copies of skeletons: "PATH: ATTRIBUTE", at most 20 of each step and then "and N more". */
  readonly dropped: readonly string[];
  /** Descriptor of the directory of a "keep" step, in our own mount namespace; the caller owns it. */
  readonly kept?: number;
  /** Only where the plan has an "mqueue" step, or buildView was given a reaper: with a PID namespace then. */
  readonly isolation?: IpcIsolation | Isolation;
}

export interface Watch {
  /** Stops watching; the callback is not called any more. May be called twice. */
  stop(): void;
}

/** What sweepFiles found. */
export interface SweptFiles {
  /** Files and directories of the user. */
  readonly found: number;
  /** Of these taken away or given to root. */
  readonly removed: number;
  /** What stays, or could not be looked at: "PATH" or "PATH: WHY", at most 20 and then "and N more". Odd bytes are \xNN. */
  readonly left: readonly string[];
  /**
   * Those of the paths below which the user may have something that was not looked at: what others own and do not let others write
   * to, more than 10,000 names of others, more than 512 directories deep, no time left.
   */
  readonly unseen: readonly string[];
}

/** How far a walk has come. */
export interface WalkProgress {
  readonly done: boolean;
  /** Names it has looked at, in all. */
  readonly names: number;
  /** Of each uid that had something: as SweptFiles. */
  readonly owners: readonly {
    readonly uid: number;
    readonly found: number;
    readonly removed: number;
    readonly left: readonly string[];
  }[];
  /** "PATH: WHY" of what could not be looked at. Not of what is unreadable below a directory of others: anybody could make one. */
  readonly unread: readonly string[];
}

/** A walk of all that there is below some directories. Its descriptors go with it, and when it is done. */
export interface Walk {
  /**
   * Begins, or goes on where it stopped, in a thread that has processor and disk when nobody else wants them.
   * @param limitMs when it stops again, done or not
   * @returns rejects with EBUSY while it goes on already; after any other error it must not go on
   */
  goOn(limitMs: number): Promise<WalkProgress>;
}

export interface Bindings {
  /**
   * Builds a view in a thread of its own, from the mount namespace of the process behind `pidfd`.
   * Nothing of it is left when it fails. When this process is ended before it is told, a reaper can be left in its cgroup.
   * @param label source of each tmpfs that is made, as /proc/PID/mountinfo shows it: 1 to 64 of a-z, 0-9 and "-"
   * @param reaper descriptor of the reaper's executable, for a PID namespace of the view's own; -1 as undefined. A "proc" step
   *   shows that namespace then. The reaper may end at any time: watch its pidfd.
   */
  buildView(pidfd: number, plan: readonly Step[], label: string, reaper?: number): Promise<BuiltView>;
  /** pidfd_open(2), close-on-exec. The caller closes it with fs.closeSync. */
  openPidfd(pid: number): number;
  /** Calls `onExit` once, on the main thread, when the process has ended. Keeps its own copy of the fd. */
  watchPidfd(pidfd: number, onExit: () => void): Watch;
  /** pidfd_send_signal(2). */
  sendSignal(pidfd: number, signal: number): void;
  /** Whether the process has ended, also when its parent has not waited for it yet. Never waits. */
  hasEnded(pidfd: number): boolean;
  /**
   * Whether somebody is at the other end of a connection (TCP, vsock, one to a named AF_UNIX socket) that another process has
   * accepted. Looks, and lets go of it.
   * @returns undefined where the descriptor is none, or is none of that process
   * @throws NativeError, step "pidfd_getfd": EPERM with kernel.yama.ptrace_scope=3, ESRCH when the process has ended
   */
  lookAtConnection(pidfd: number, fd: number): "open" | "gone" | undefined;
  /**
   * Bytes that the tmpfs of a view hold. Waits for it: a millisecond.
   * @param fd the view, as buildView gave it
   * @param targets where they are, and `devices` which: one that something else was mounted over counts nothing
   */
  measureView(fd: number, targets: readonly string[], devices: readonly string[]): number;
  /**
   * Empties the tmpfs of a view, in a thread of its own: truncates all files and removes all that is in them. What is mounted in them
   * stays as it is, with the directories on the way there.
   * @param targets and `devices` as for measureView; one that something else was mounted over is passed over
   * @param limitMs rejects with ETIMEDOUT when its thread has had a processor for so long
   * @returns bytes that they hold after that: of files that a process has open or mapped, or that are under way in a socket
   */
  wipeView(fd: number, targets: readonly string[], devices: readonly string[], limitMs: number): Promise<number>;
  /**
   * Removes all System V objects of an IPC namespace, in a thread of its own.
   * @param fd the namespace, as buildView gave it; our own is refused
   * @returns how many that were
   */
  emptyIpc(fd: number): Promise<number>;
  /**
   * Takes away the zombie of a reaper (waitid(2), never waiting).
   * @returns true when that is done, or when it is not our child (any more); false while it runs. The end of a PID
   *   namespace waits for the zombies of all that were in it: those of nested reapers must be taken away too.
   */
  reap(pidfd: number): boolean;
  /**
   * Finds the files of a user below some directories, in a thread of its own, and takes them away on demand. Follows no
   * symbolic link, crosses no mount, opens nothing but directories; what changes meanwhile is no error. Looks where the user could
   * write, and no further where it would cost what others choose.
   * @param paths absolute; one that does not exist is passed over. The directory that a path names is given to root, and stays.
   * @param uid not root's
   * @param remove directories of the user are given to root (mode 0700, the uid as their group), emptied of what is the user's, and
   *   removed if nothing is left; what others have in them stays. One that is more than 512 deep is then emptied as well.
   * @param limitMs when it ends, done or not. A file system that does not answer holds it longer.
   */
  sweepFiles(paths: readonly string[], uid: number, remove: boolean, limitMs: number): Promise<SweptFiles>;
  /**
   * A walk that takes away the files of users as sweepFiles does, but all of them, however much there is of others'.
   * @param paths as for sweepFiles
   * @param uids not root's
   */
  openWalk(paths: readonly string[], uids: readonly number[]): Walk;
  /**
   * sd_notify(3): one datagram to the service manager, without waiting.
   * @param address as NOTIFY_SOCKET has it: "/path" or "@abstract"
   * @param fds up to 253; copies of them go along, for FDSTORE=1
   * @throws NativeError, step "notify": EAGAIN when the manager's queue is full
   */
  notify(address: string, state: string, fds: readonly number[]): void;
  /** IPC_RMID of a System V object of our own IPC namespace. One that is gone already is no error. */
  removeIpc(kind: "shm" | "sem" | "msg", id: number): void;
  /**
   * The file system of the POSIX message queues of our own IPC namespace, mounted nowhere.
   * @returns a descriptor to look into and to unlink in by way of /proc/self/fd; the caller closes it
   */
  openQueues(): number;
  /**
   * umount2(2) in our own mount namespace. A link at the end of the path is not followed.
   * @param path absolute, one that only root can change
   * @throws NativeError, step "umount2": EBUSY while something uses it, EINVAL where nothing is mounted
   */
  unmount(path: string): void;
  /** What this kernel can do. */
  probe(): Abilities;
}

/** What not every kernel can do. */
export interface Abilities {
  readonly overlay: boolean;
  /** Keep a tmpfs out of swap. */
  readonly noswap: boolean;
}

/**
 * Loads the addon, as package.json's "imports" names it.
 * @throws Error of dlopen when it is missing or was built for another system
 */
export function loadBindings(): Bindings {
  return createRequire(import.meta.url)("#guestns") as Bindings;
}
