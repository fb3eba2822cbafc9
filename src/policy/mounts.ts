// The mounts of a mount namespace, and at which other paths they show a directory: by file system, not by name.
// Pure; what is mounted comes from mountinfo (proc(5)).
import { isWithin, joinPath, pathBelow } from "./paths.ts";

export interface Mount {
  readonly id: number;
  readonly parent: number;
  /** "MAJOR:MINOR" of the file system. */
  readonly device: string;
  /** The directory of the file system that is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of the mount: "ro", "noexec", ... */
  readonly flags: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system. */
  readonly options: readonly string[];
}

/** Mounts by what they are mounted on. */
export interface MountTree {
  readonly all: readonly Mount[];
  /** That of the root directory, below those that are mounted over it. */
  readonly root: Mount | undefined;
  readonly over: ReadonlyMap<string, Mount>;
}

/** A directory of a file system, whatever shows it. */
export interface Place {
  readonly device: string;
  readonly path: string;
}

const keyOf = (parent: number, mountPoint: string) => `${parent} ${mountPoint}`;

export function treeOf(mounts: readonly Mount[]): MountTree {
  const ids = new Set(mounts.map(({ id }) => id));
  return {
    all: mounts,
    root: mounts.find(({ mountPoint, parent }) => mountPoint === "/" && !ids.has(parent)),
    over: new Map(mounts.map((mount) => [keyOf(mount.parent, mount.mountPoint), mount])),
  };
}

/** The mount on which a path lies, which has no symbolic links in it; undefined where mountinfo does not say. */
export function mountShowing({ root, over }: MountTree, path: string): Mount | undefined {
  let shown = root;
  for (const prefix of prefixesOf(path)) {
    // Mounts lie over each other at one path.
    for (let next = shown; next !== undefined; next = over.get(keyOf(next.id, prefix))) shown = next;
  }
  return shown;
}

function prefixesOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return ["/", ...names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`)];
}

/** Whether a look at a file asks the kernel alone: no server that may be away, no program, no automounter. */
export const answersAtOnce = ({ type }: Mount): boolean =>
  !/^(autofs|fuse\b.*|nfs\d?|cifs|smb\d?|9p|afs|ceph|coda|gfs2|lustre|ocfs2)$/.test(type);

/** The first mount on the way to a path, without symbolic links, for which that is not so. */
export function serverOnWay(tree: MountTree, path: string): Mount | undefined {
  const shown = prefixesOf(path).map((prefix) => mountShowing(tree, prefix));
  return shown.find((mount) => mount !== undefined && !answersAtOnce(mount));
}

export const isAnsweredAtOnce = (tree: MountTree, path: string): boolean => serverOnWay(tree, path) === undefined;

/** The automount point at a path or above it. */
export function automountAbove({ all }: MountTree, path: string): string | undefined {
  return all.find(({ type, mountPoint }) => type === "autofs" && isWithin(path, mountPoint))?.mountPoint;
}

/** The directory that a path names; undefined where mountinfo does not say. */
export function placeOf(tree: MountTree, path: string): Place | undefined {
  const mount = mountShowing(tree, path);
  if (mount === undefined) return undefined;
  const { device, path: root } = rootOf(mount);
  return { device, path: joinPath(root, pathBelow(path, mount.mountPoint) ?? "") };
}

// Each directory of an NFS server that is mounted is a file system of its own; which one it is its source says, with all of its path.
function rootOf({ device, root, type, source }: Mount): Place {
  const [, server, directory] = (type.startsWith("nfs") && /^(\[.*\]|[^:/]+):(\/.*)$/.exec(source)) || [];
  return server === undefined || directory === undefined ? { device, path: root } : { device: server, path: directory };
}

/** All paths at which a directory can be seen, or something that lies in it: those of mounts of it, and in mounts that hold it. */
export function pathsShowing(tree: MountTree, place: Place): string[] {
  return tree.all.flatMap((mount) => {
    const root = rootOf(mount);
    if (root.device !== place.device) return [];
    const held = pathBelow(place.path, root.path);
    const holding = held === undefined ? undefined : joinPath(mount.mountPoint, held);
    const path = isWithin(root.path, place.path) ? mount.mountPoint : holding;
    return path !== undefined && mountShowing(tree, path) === mount ? [path] : [];
  });
}

/**
 * The directories whose content is seen at a path: the one that it names; those that an automounter has mounted below it; and
 * those of the layers that an overlay there is made of.
 */
export function placesBehind(tree: MountTree, path: string): Place[] {
  const place = placeOf(tree, path);
  if (place === undefined) return [];
  const automounters = new Set(tree.all.filter(({ type }) => type === "autofs").map(({ id }) => id));
  const automounted = tree.all.filter(
    ({ mountPoint, parent }) => automounters.has(parent) && isWithin(mountPoint, path),
  );
  return [place, ...automounted.map(rootOf), ...layersBehind(tree, path, place)];
}

// A layer that lies on the overlay itself has its name from before the overlay was mounted: nothing is known of it.
function layersBehind(tree: MountTree, path: string, place: Place): Place[] {
  const mount = mountShowing(tree, path);
  if (mount?.type !== "overlay") return [];
  const layers = mount.options.flatMap(
    (option) => /^(?:lowerdir\+?|upperdir)=(.*)$/.exec(option)?.[1]?.split(":") ?? [],
  );
  return layers.flatMap((layer) => {
    const behind = layer.startsWith("/") ? placeOf(tree, joinPath(layer, place.path.slice(1))) : undefined;
    return behind === undefined || behind.device === place.device ? [] : [behind];
  });
}
