// Finds symbolic links in a view's paths (/tmp, /home of an ostree, /var/run) that only root can change; the builder
// refuses others. Reads no file, triggers no automounter, asks no server.
import type { Stats } from "node:fs";
import { lstatSync, readlinkSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Mount, MountTree } from "../../policy/mounts.ts";
import { answersAtOnce, mountShowing, treeOf } from "../../policy/mounts.ts";
import type { Link } from "../../policy/paths.ts";
import { followLinks, joinPath, MOST_LINKS } from "../../policy/paths.ts";

/**
 * @param root is / for the paths
 * @param mounts of the mount namespace for the look-up
 */
export function findLinks(root: string, paths: readonly string[], mounts: readonly Mount[]): Link[] {
  const tree = treeOf(mounts);
  const links: Link[] = [];
  for (const path of paths) {
    for (let count = 0; count < MOST_LINKS; count++) {
      const link = firstLink(root, followLinks(path, links), tree);
      // A known link means a loop.
      if (link === undefined || links.some((known) => known.path === link.path)) break;
      links.push(link);
    }
  }
  return links;
}

export const followKnownLinks = (path: string, mounts: readonly Mount[], root = ""): string =>
  followLinks(path, findLinks(root, [path], mounts));

/** Returns the first link, if it may be followed. */
function firstLink(root: string, path: string, tree: MountTree): Link | undefined {
  let directory = "/";
  for (const name of path.split("/").slice(1)) {
    const next = joinPath(directory, name);
    const mount = mountShowing(tree, next);
    // The main thread waits for no server, and a login triggers no automount.
    if (mount !== undefined && !answersAtOnce(mount)) return undefined;
    // A mount point is never a link.
    if (mount?.mountPoint !== next) {
      const found = lookAt(root + next);
      if (found?.isSymbolicLink() === true)
        return isRootsAlone(lookAt(root + directory)) ? { path: next, target: readTarget(root, next) } : undefined;
      if (found?.isDirectory() !== true) return undefined;
    }
    directory = next;
  }
  return undefined;
}

const isRootsAlone = (directory: Stats | undefined) =>
  directory !== undefined && directory.uid === 0 && (directory.mode & 0o022) === 0;

const readTarget = (root: string, path: string) => resolve(dirname(path), readlinkSync(root + path));

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
