// The steps a view is made of: plain data, printable, and everything the native builder gets. Types only; plan.ts
// decides on the steps of a login.

/**
 * Why a step exists or has its properties, if the configuration does not say so. For
 * people; the builder does not read it.
 */
export type Why = string;

/**
 * A fresh tmpfs, always nosuid and nodev. The builder copies the skeletons into it, gives it
 * to its owner, then attaches it.
 */
export interface TmpfsStep {
  readonly kind: "tmpfs";
  /** Where it is attached: an absolute path without ".", ".." or symbolic links. */
  readonly target: string;
  /** Create a missing mount point. Only inside a tmpfs of this plan. */
  readonly create: boolean;
  /** Leave the step out, and report it, if the target does not exist. */
  readonly optional: boolean;
  /** Permission bits of its root, e.g. 0o1777. */
  readonly mode: number;
  /** Owner of its root, set when the skeletons are complete. */
  readonly uid: number;
  readonly gid: number;
  /** As size= in tmpfs(5): bytes with k, m, g, or a share of the memory ("25%"). */
  readonly size: string;
  /** How many inodes it may hold; 0 for the kernel's default. */
  readonly inodes: number;
  readonly noexec: boolean;
  /** Made read-only when everything inside it is attached. */
  readonly readonly: boolean;
  /** Directories copied into it. Later ones overwrite earlier ones; missing ones are skipped. */
  readonly skeletons: readonly string[];
  readonly why?: Why;
}

/** A fresh /proc of the session's PID namespace, or of guestd's without one; hidepid= as in proc(5). */
export interface ProcStep {
  readonly kind: "proc";
  readonly target: string;
  readonly hidepid: "noaccess" | "invisible" | "ptraceable";
}

/** An IPC namespace of the session's own, with its POSIX message queues (mq_overview(7)) at the target. */
export interface MqueueStep {
  readonly kind: "mqueue";
  readonly target: string;
  /** Show them nowhere, and report it, if the target does not exist. The namespace is made all the same. */
  readonly optional: boolean;
}

/**
 * A devpts instance (pts(4)) of the view's own: it shows no terminals of other sessions. A
 * /dev/ptmx beside the target uses it.
 */
export interface DevptsStep {
  readonly kind: "devpts";
  readonly target: string;
}

/** An empty directory that root owns, in a tmpfs of this plan. Left out if that does not exist. */
export interface MkdirStep {
  readonly kind: "mkdir";
  readonly target: string;
  readonly mode: number;
}

/**
 * A socket of the base, shown at the same path, in a tmpfs of this plan. Left out, and reported, if that path has no
 * socket that belongs to root or to the UID.
 */
export interface SocketStep {
  readonly kind: "socket";
  readonly target: string;
  readonly uid: number;
}

/** An empty, read-only directory or file over the target, of the same type. */
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
  /** Root must own each, and only root may write to it. Missing ones are skipped. */
  readonly layers: readonly string[];
  /** The same, but under the target: their files show only if the target has none with that name. */
  readonly below: readonly string[];
  /** Paths relative to the target that do not exist in the result (whiteouts). */
  readonly hidden: readonly string[];
}

/** Another path of the base, shown at the target with everything mounted below it. */
export interface BindStep {
  readonly kind: "bind";
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  /**
   * Create a missing target, a directory or an empty file as the source is. Only inside a tmpfs of this plan. If unset
   * and the target does not exist, the step is left out and reported.
   */
  readonly create: boolean;
  /** Leave the step out, and report it, if the source does not exist. */
  readonly optional: boolean;
}

/** Makes the target read-only, with everything mounted below it. */
export interface ReadonlyStep {
  readonly kind: "readonly";
  readonly target: string;
  readonly optional: boolean;
}

/**
 * Keeps an automount at the target on the host from expiring while the session runs, and mounts it if necessary.
 * Attaches nothing in the view. Skipped if the target does not exist.
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
