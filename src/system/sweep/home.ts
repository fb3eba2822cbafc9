// The home of a leased account on the host: a module above pam_guest in a session stack can have made it there, though no
// guest ever sees it. Empties no file system that is mounted on it.
import { basename, dirname, join } from "node:path";
import { treeOf } from "../../policy/mounts.ts";
import { pathExists } from "../path-look.ts";
import { readMounts } from "../processes/mountinfo.ts";
import { followKnownLinks } from "../sessions/links.ts";
import type { SweepBindings, SweptItems } from "./items.ts";
import type { FileServers } from "./paths.ts";
import { findSilence, sweepPaths, sweepTrees } from "./paths.ts";

/**
 * Takes away what there is of a home, and then the directory.
 * @param root stands before each path
 * @throws Error when it cannot be looked at
 */
export async function sweepHome(
  bindings: Pick<SweepBindings, "sweepFiles" | "unmount">,
  root: string,
  { home, uid }: { readonly home: string; readonly uid: number },
  ask: FileServers["ask"] = pathExists,
): Promise<SweptItems> {
  const mounts = readMounts(join(root, "/proc/self/mountinfo"));
  const directory = dirname(home);
  const path = join(followKnownLinks(directory, mounts, root), basename(home));
  // It can be a share that the machine has elsewhere, too.
  if (mounts.some(({ mountPoint }) => mountPoint === path))
    return { found: 1, removed: 0, left: [`something is mounted on ${path}`] };
  const silence = await findSilence(path, treeOf(mounts), ask);
  if (silence !== undefined) return { found: 1, removed: 0, left: [silence] };
  // First, in a thread of the addon's own: where a file server answers no longer, none of Node's few threads is to wait for it.
  const { unseen: _inDirectory, ...inside } = await sweepTrees(bindings, [join(root, path)], uid);
  const itself = await sweepPaths(bindings, root, { names: [path] }, uid);
  // As long as something in it is not seen, or not gone, the directory is there, and is named.
  const { found, removed } = inside.found > 0 ? inside : itself;
  return { found, removed, left: [...inside.left, ...itself.left] };
}
