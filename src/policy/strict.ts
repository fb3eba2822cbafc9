// A fresh tmpfs is no less strict than what the host has at its path. Pure.
import type { MountTree } from "./mounts.ts";
import { mountShowing } from "./mounts.ts";
import type { TmpfsStep } from "./steps.ts";

/** The step with noexec where the host's mount at its path has it; nosuid and nodev it always has. */
export function noexecAs(mounts: MountTree, step: TmpfsStep): TmpfsStep {
  const mount = mountShowing(mounts, step.target);
  if (step.noexec || mount?.flags.includes("noexec") !== true) return step;
  return { ...step, noexec: true, why: `${mount.mountPoint} of the host is noexec` };
}

/**
 * The step read-only where the host has a read-only mount at its very path. Not where it lies on one: a machine whose disk is
 * read-only is what memory for guests is good for.
 */
export function readonlyAs(mounts: MountTree, step: TmpfsStep): TmpfsStep {
  const mount = mountShowing(mounts, step.target);
  if (mount?.mountPoint !== step.target || !mount.flags.includes("ro")) return step;
  return {
    ...step,
    readonly: true,
    why: [step.why, `${mount.mountPoint} of the host is read-only`].filter(Boolean).join("; "),
  };
}
