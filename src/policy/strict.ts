// Makes a tmpfs at least as strict as the host's mount there. Pure.
import type { MountTree } from "./mounts.ts";
import { mountShowing } from "./mounts.ts";
import type { TmpfsStep } from "./steps.ts";

/** Adds noexec if the host's mount has it. nosuid and nodev are always set. */
export function noexecAs(mounts: MountTree, step: TmpfsStep): TmpfsStep {
  const mount = mountShowing(mounts, step.target);
  if (step.noexec || mount?.flags.includes("noexec") !== true) return step;
  return { ...step, noexec: true, why: `${mount.mountPoint} of the host is noexec` };
}

/**
 * Makes a step read-only if the host mounts exactly this path read-only. On machines with a read-only disk, guests need
 * to write to memory.
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
