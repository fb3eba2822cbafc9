// Removes a leased account's home on the host: a module above pam_guest can have made it. Does not empty a mounted file
// system.
import { basename, dirname, join } from "node:path";
import { treeOf } from "../../policy/mounts.ts";
import { pathExists } from "../path-look.ts";
import { readMounts } from "../processes/mountinfo.ts";
import { followKnownLinks } from "../sessions/links.ts";
import type { SweepBindings, SweptItems } from "./items.ts";
import type { FileServers } from "./paths.ts";
import { findSilence, sweepPaths, sweepTrees } from "./paths.ts";

/** @throws Error if the home cannot be looked at */
export async function sweepHome(
  bindings: Pick<SweepBindings, "sweepFiles" | "unmount">,
  root: string,
  { home, uid }: { readonly home: string; readonly uid: number },
  ask: FileServers["ask"] = pathExists,
): Promise<SweptItems> {
  const mounts = readMounts(join(root, "/proc/self/mountinfo"));
  const directory = dirname(home);
  const path = join(followKnownLinks(directory, mounts, root), basename(home));
  // The mount can be a share that is used elsewhere.
  if (mounts.some(({ mountPoint }) => mountPoint === path))
    return { found: 1, removed: 0, left: [`something is mounted on ${path}`] };
  const silence = await findSilence(path, treeOf(mounts), ask);
  if (silence !== undefined) return { found: 1, removed: 0, left: [silence] };
  // First, in the addon: a silent file server must not hold a thread of Node's few.
  const { unseen: _inDirectory, ...inside } = await sweepTrees(bindings, [join(root, path)], uid);
  const itself = await sweepPaths(bindings, root, { names: [path] }, uid);
  // The directory is named if anything in it is left.
  const { found, removed } = inside.found > 0 ? inside : itself;
  return { found, removed, left: [...inside.left, ...itself.left] };
}
