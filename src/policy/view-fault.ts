// Why a view could not be built, as an administrator is told it: what failed, and what to do about it. Pure.

/** What the builder says of a view that could not be made. */
export interface ViewFault {
  /** What was being done: "skeleton", "attach", "fsconfig overlay". */
  readonly step: string;
  /** Name of the kernel's error, such as ENOENT; "" where it is none of the kernel's. */
  readonly code: string;
  /** All of it, the path among it. */
  readonly message: string;
}

/** A sentence for an administrator. */
export function describeViewFault(fault: ViewFault): string {
  return `the view cannot be built: ${fault.message.replace(/\.$/, "")}; ${adviseOn(fault)}`;
}

/** The kernel asks for them where a mount namespace is entered or made. */
const UNPRIVILEGED =
  "guestd needs CAP_SYS_ADMIN and CAP_SYS_CHROOT in the user namespace that owns the mounts of this machine; " +
  'see PrivateUsers= and CapabilityBoundingSet= in "systemctl cat guestd"';

function adviseOn({ step, code }: ViewFault): string {
  if (step === "skeleton") return adviseOnSkeleton(code);
  if (code === "EPERM" && /^(setns|unshare)$/.test(step)) return UNPRIVILEGED;
  if (/\boverlay$/.test(step) && code !== "EPERM") return "set Mode=bind in section [Etc] of guestd.conf";
  if (code === "ELOOP") return "name the path that the link leads to in guestd.conf";
  if (code === "ENOENT") return 'make it, or put "-" before it in guestd.conf';
  if (code === "ENOSPC") return "raise the size or the number of files that guestd.conf sets for it";
  return "guestd.conf(5) says what may stand there";
}

function adviseOnSkeleton(code: string): string {
  if (code === "ENOSPC")
    return "raise Size= or Inodes= in section [Home] of guestd.conf, or take files out of the skeleton";
  if (code === "E2BIG" || code === "ELOOP")
    return "take files out of the skeleton, or name another one (Skeleton= in guestd.conf)";
  return "take it out of the skeleton";
}
