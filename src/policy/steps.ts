// The steps of a view: plain data, and all that the builder gets. Types only; plan.ts decides.

/** Why a step exists, if the configuration does not say so. For people; the builder ignores it. */
export type Why = string;

/** A fresh tmpfs, nosuid and nodev. It is filled from the skeletons, given to its owner, then attached. */
export interface TmpfsStep {
  readonly kind: "tmpfs";
  /** An absolute path without ".", ".." or symbolic links. */
  readonly target: string;
  /** Create a missing mount point. Only in a tmpfs of this plan. */
  readonly create: boolean;
  /** If the target is missing, leave the step out and report it. */
  readonly optional: boolean;
  /** Permission bits of its root, e.g. 0o1777. */
  readonly mode: number;
  /** Owner of its root, set after the skeletons are copied. */
  readonly uid: number;
  readonly gid: number;
  /** As size= in tmpfs(5): bytes with k, m, g, or a share of memory ("25%"). */
  readonly size: string;
  /** 0 for the kernel's default. */
  readonly inodes: number;
  readonly noexec: boolean;
  /** Set after everything inside is attached. */
  readonly readonly: boolean;
  /** Directories copied into it. Later ones overwrite earlier ones; missing ones are skipped. */
  readonly skeletons: readonly string[];
  readonly why?: Why;
}

/** A /proc of the session's PID namespace, else of guestd's; hidepid= as in proc(5). */
export interface ProcStep {
  readonly kind: "proc";
  readonly target: string;
  readonly hidepid: "noaccess" | "invisible" | "ptraceable";
}

/** An IPC namespace, with its message queues (mq_overview(7)) at the target. */
export interface MqueueStep {
  readonly kind: "mqueue";
  readonly target: string;
  /** If the target is missing, show no queues and report it. The namespace is made anyway. */
  readonly optional: boolean;
}

/** A devpts (pts(4)) of the view, without others' terminals. A /dev/ptmx beside the target uses it. */
export interface DevptsStep {
  readonly kind: "devpts";
  readonly target: string;
}

/** An empty directory of root's in a tmpfs of this plan. Left out without that tmpfs. */
export interface MkdirStep {
  readonly kind: "mkdir";
  readonly target: string;
  readonly mode: number;
}

/** A socket of the host, in a tmpfs of this plan. Left out and reported if root or the UID has none there. */
export interface SocketStep {
  readonly kind: "socket";
  readonly target: string;
  readonly uid: number;
}

/** An empty, read-only directory or file over the target. */
export interface HideStep {
  readonly kind: "hide";
  readonly target: string;
  readonly optional: boolean;
  readonly why?: Why;
}

/** Directories laid over and under the target, read-only, the first on top. */
export interface OverlayStep {
  readonly kind: "overlay";
  readonly target: string;
  /** Only root may own and write to them. Missing ones are skipped. */
  readonly layers: readonly string[];
  /** The same, but under the target: their files show only if it lacks them. */
  readonly below: readonly string[];
  /** Paths relative to the target that the result lacks (whiteouts). */
  readonly hidden: readonly string[];
}

/** Shows another path of the host at the target, with everything mounted below it. */
export interface BindStep {
  readonly kind: "bind";
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  /**
   * Create a missing target of the source's type. Only in a tmpfs of this plan. If unset, a step without a target is
   * left out and reported.
   */
  readonly create: boolean;
  /** If the source is missing, leave the step out and report it. */
  readonly optional: boolean;
}

/** Makes the target read-only, with everything mounted below it. */
export interface ReadonlyStep {
  readonly kind: "readonly";
  readonly target: string;
  readonly optional: boolean;
}

/**
 * Mounts an automount on the host, and keeps it from expiring during the session. Attaches nothing in the view. Skipped
 * without a target.
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
