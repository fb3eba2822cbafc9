// Why a view could not be built, and what to do about it. Pure.
import type { Step } from "./steps.ts";

export interface ViewFault {
  /** Such as "skeleton", "attach", "fsconfig overlay". */
  readonly step: string;
  /** Such as ENOENT; "" if there is no errno. */
  readonly code: string;
  readonly message: string;
}

export function describeViewFault(fault: ViewFault, plan: readonly Step[]): string {
  return `the view cannot be built: ${fault.message.replace(/\.$/, "")}; ${adviseOn(fault, plan)}`;
}

/** Entering or creating a mount namespace needs these. */
const UNPRIVILEGED =
  "guestd needs CAP_SYS_ADMIN and CAP_SYS_CHROOT in the user namespace that owns the mounts of this machine; " +
  'see PrivateUsers= and CapabilityBoundingSet= in "systemctl cat guestd"';

function adviseOn({ step, code, message }: ViewFault, plan: readonly Step[]): string {
  if (step === "skeleton") return adviseOnSkeleton(code);
  if (code === "EPERM" && /^(setns|unshare)$/.test(step)) return UNPRIVILEGED;
  if (/\boverlay$/.test(step) && code !== "EPERM") return "set Mode=bind in section [Etc] of guestd.conf";
  if (code === "ELOOP") return "name the path that the link leads to in guestd.conf";
  if (code === "ETIMEDOUT") return adviseOnTimeout(plan);
  if (code === "ENOENT" && plan.some((one) => isHome(one) && message.includes(` ${one.target}: `)))
    return "make that directory, or name the one in which homes lie in Hide= of guestd.conf: there they need not exist";
  if (code === "ENOENT") return 'make it, or put "-" before it in guestd.conf';
  if (code === "ENOSPC") return "raise the size or the number of files that guestd.conf sets for it";
  return "guestd.conf(5) says what may stand there";
}

// No key configures the home, so it cannot be optional.
const isHome = (step: Step) => step.kind === "tmpfs" && step.uid !== 0 && !step.target.startsWith("/run/user/");

function adviseOnTimeout(plan: readonly Step[]): string {
  const kept = plan.filter(({ kind }) => kind === "keep").map(({ target }) => target);
  const where =
    kept.length === 0 ? "what is mounted from file servers" : `${kept.join(" ")}, which is mounted on demand,`;
  return `see whether "ls" of ${where} answers; if not, repair its file server, or unmount it`;
}

function adviseOnSkeleton(code: string): string {
  if (code === "ENOSPC")
    return "raise Size= or Inodes= in section [Home] of guestd.conf, or take files out of the skeleton";
  if (code === "E2BIG" || code === "ELOOP")
    return "take files out of the skeleton, or name another one (Skeleton= in guestd.conf)";
  return "take it out of the skeleton";
}
