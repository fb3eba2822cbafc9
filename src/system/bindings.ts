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

/**
 * A PID and an IPC namespace of a view's own, and the reaper: their first process, and a child of ours.
 * The caller owns all descriptors, and the reaper: SIGKILL to `pidfd` ends it and all in the PID namespace, `reap` takes it away.
 * It becomes init's child when we end; it stays in our cgroup and in the view's mount namespace until then and after.
 */
export interface Isolation {
  /** The reaper, as our own PID namespace counts. */
  readonly pid: number;
  readonly pidfd: number;
  /** The PID namespace: a child of the leader's. */
  readonly processes: NamespaceFile;
  readonly ipc: NamespaceFile;
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
  /** Only when buildView was given a reaper. */
  readonly isolation?: Isolation;
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
   * False when a directory could not be read, or a bound was met: the time, 1,000,000 names, 512 directories deep. Not for what is deep
   * or unreadable below a directory that is neither root's nor the user's: anybody could make such a tree, and the user has
   * nothing there unless its owner has let him. What is his there is found as deep as that all the same.
   */
  readonly whole: boolean;
}

export interface Bindings {
  /**
   * Builds a view in a thread of its own, from the mount namespace of the process behind `pidfd`.
   * Nothing of it is left when it fails. When this process is ended before it is told, a reaper can be left in its cgroup.
   * @param label source of each tmpfs that is made, as /proc/PID/mountinfo shows it: 1 to 64 of a-z, 0-9 and "-"
   * @param reaper descriptor of the reaper's executable, for a PID and an IPC namespace of the view's own; -1 as undefined.
   *   "proc" and "mqueue" steps show these namespaces then. The reaper may end at any time: watch its pidfd.
   */
  buildView(pidfd: number, plan: readonly Step[], label: string, reaper?: number): Promise<BuiltView>;
  /** pidfd_open(2), close-on-exec. The caller closes it with fs.closeSync. */
  openPidfd(pid: number): number;
  /** Calls `onExit` once, on the main thread, when the process has ended. Keeps its own copy of the fd. */
  watchPidfd(pidfd: number, onExit: () => void): Watch;
  /** pidfd_send_signal(2). */
  sendSignal(pidfd: number, signal: number): void;
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
   * @param limitMs rejects with ETIMEDOUT after it
   * @returns bytes that they hold after that: of files that a process has open or mapped, or that are under way in a socket
   */
  wipeView(fd: number, targets: readonly string[], devices: readonly string[], limitMs: number): Promise<number>;
  /**
   * Takes away the zombie of a reaper (waitid(2), never waiting).
   * @returns true when that is done, or when it is not our child (any more); false while it runs. The end of a PID
   *   namespace waits for the zombies of all that were in it: those of nested reapers must be taken away too.
   */
  reap(pidfd: number): boolean;
  /**
   * Finds the files of a user below some directories, in a thread of its own, and takes them away on demand. Follows no
   * symbolic link, crosses no mount, opens nothing but directories; what changes meanwhile is no error.
   * @param paths absolute; one that does not exist is passed over. The directory that a path names is given to root, and stays.
   * @param uid not root's
   * @param remove directories of the user are given to root (mode 0700), emptied of what is his, and removed if nothing is left;
   *   what others have in them stays. One that is more than 512 deep is then emptied as well.
   * @param limitMs when it ends, done or not. A file system that does not answer holds it longer.
   */
  sweepFiles(paths: readonly string[], uid: number, remove: boolean, limitMs: number): Promise<SweptFiles>;
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
  probe(): { readonly overlay: boolean };
}

/**
 * Loads the addon, as package.json's "imports" names it.
 * @throws Error of dlopen when it is missing or was built for another system
 */
export function loadBindings(): Bindings {
  return createRequire(import.meta.url)("#guestns") as Bindings;
}
