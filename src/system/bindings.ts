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

/** A view that was built. The caller owns `fd`: the view lives as long as it is open or a process is in it. */
export interface BuiltView {
  readonly fd: number;
  /** Inode of the mount namespace, as in `stat /proc/PID/ns/mnt`. */
  readonly inode: number;
  /** Device of each tmpfs that was made ("0:57", as in /proc/PID/mountinfo), in the order of the plan. */
  readonly tmpfs: readonly { readonly target: string; readonly device: string }[];
  /** Targets of optional steps that were left out. */
  readonly skipped: readonly string[];
}

export interface Watch {
  /** Stops watching; the callback is not called any more. May be called twice. */
  stop(): void;
}

export interface Bindings {
  /**
   * Builds a view in a thread of its own, from the mount namespace of the process behind `pidfd`.
   * Nothing of it is left when it fails.
   */
  buildView(pidfd: number, plan: readonly Step[]): Promise<BuiltView>;
  /** pidfd_open(2), close-on-exec. The caller closes it with fs.closeSync. */
  openPidfd(pid: number): number;
  /** Calls `onExit` once, on the main thread, when the process has ended. Keeps its own copy of the fd. */
  watchPidfd(pidfd: number, onExit: () => void): Watch;
  /** pidfd_send_signal(2). */
  sendSignal(pidfd: number, signal: number): void;
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
