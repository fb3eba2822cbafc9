// The steps a view is made of: plain data, printable, and all that the native builder is told.
// Types only: what a login's steps are is decided in plan.ts.

/** Why a step is there, or as it is, where the configuration does not say it. For people: the builder does not read it. */
export type Why = string;

/**
 * A fresh tmpfs. Always nosuid and nodev.
 * The builder copies the skeletons into it, then gives it to its owner, then attaches it.
 */
export interface TmpfsStep {
  readonly kind: "tmpfs";
  /** Where it is attached: an absolute path without "." or ".." or a symbolic link in it. */
  readonly target: string;
  /** Make the mount point when it is missing. Only inside a tmpfs that this plan has made. */
  readonly create: boolean;
  /** Leave the step out, and say so, when the target does not exist. */
  readonly optional: boolean;
  /** Permission bits of its root, e.g. 0o1777. */
  readonly mode: number;
  /** Owner of its root, given when the skeletons are complete. */
  readonly uid: number;
  readonly gid: number;
  /** As tmpfs(5) reads size=: bytes with k, m, g, or a share of the memory ("25%"). */
  readonly size: string;
  /** Most inodes it may hold; 0 takes the kernel's default. */
  readonly inodes: number;
  readonly noexec: boolean;
  /** Made read-only when everything inside it is attached. */
  readonly readonly: boolean;
  /** Directories copied into it; a later one wins. A missing one is passed over. */
  readonly skeletons: readonly string[];
  readonly why?: Why;
}

/** A fresh /proc of the session's PID namespace, or of guestd's without one; hidepid= as in proc(5). */
export interface ProcStep {
  readonly kind: "proc";
  readonly target: string;
  readonly hidepid: "noaccess" | "invisible" | "ptraceable";
}

/** An IPC namespace of the session's own, whose POSIX message queues (mq_overview(7)) are at the target. */
export interface MqueueStep {
  readonly kind: "mqueue";
  readonly target: string;
  /** Show them nowhere, and say so, when the target does not exist; the namespace is made all the same. */
  readonly optional: boolean;
}

/**
 * An instance of pseudo-terminals (pts(4)) of the view's own: no other session's terminal has a name in it.
 * A /dev/ptmx beside the target uses it.
 */
export interface DevptsStep {
  readonly kind: "devpts";
  readonly target: string;
}

/** An empty directory of root's, in a tmpfs that this plan has made. Left out where that is not there. */
export interface MkdirStep {
  readonly kind: "mkdir";
  readonly target: string;
  /** Permission bits, e.g. 0o1777. */
  readonly mode: number;
}

/**
 * A socket of the base, shown at the same path, in a tmpfs that this plan has made.
 * Left out, and said to be, where there is none at that path that belongs to root or to the uid.
 */
export interface SocketStep {
  readonly kind: "socket";
  readonly target: string;
  readonly uid: number;
}

/** An empty, read-only directory or file over the target, whichever the target is. */
export interface HideStep {
  readonly kind: "hide";
  readonly target: string;
  readonly optional: boolean;
  readonly why?: Why;
}

/** Directories laid over and under the target with overlayfs, read-only, the first on top. */
export interface OverlayStep {
  readonly kind: "overlay";
  readonly target: string;
  /** Each must belong to root and be writable by root alone. A missing one is passed over. */
  readonly layers: readonly string[];
  /** As those, and under the target: what is there shows where the target has nothing of that name. */
  readonly below: readonly string[];
  /** Paths relative to the target that do not exist in the result (whiteouts). */
  readonly hidden: readonly string[];
}

/** Another path of the base, shown at the target with what is mounted below it. */
export interface BindStep {
  readonly kind: "bind";
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  /**
   * Make the target when it is missing, a directory or an empty file as the source is. Only inside a tmpfs that this plan has made.
   * Where it is not set, the step is left out when the target does not exist, and said to be.
   */
  readonly create: boolean;
  /** Leave the step out, and say so, when the source does not exist. */
  readonly optional: boolean;
}

/** What stands at the target, read-only, with what is mounted below it. */
export interface ReadonlyStep {
  readonly kind: "readonly";
  readonly target: string;
  readonly optional: boolean;
}

/**
 * Keeps what is mounted at the target on the host, outside of the view, from expiring as long as the session runs; it is mounted
 * where it is not. Nothing is attached in the view. Passed over where the target does not exist.
 */
export interface KeepStep {
  readonly kind: "keep";
  readonly target: string;
  readonly why?: Why;
}

export type Step =
  | TmpfsStep
  | ProcStep
  | MqueueStep
  | DevptsStep
  | MkdirStep
  | SocketStep
  | HideStep
  | OverlayStep
  | BindStep
  | ReadonlyStep
  | KeepStep;
