// Mounts, and all paths that show a directory. Compares file systems, not names. Pure: mounts come from mountinfo
// (proc(5)).
import { isWithin, joinPath, pathBelow } from "./paths.ts";

export interface Mount {
  readonly id: number;
  readonly parent: number;
  /** "MAJOR:MINOR". */
  readonly device: string;
  /** The mounted directory of the file system. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of the mount: "ro", "noexec", ... */
  readonly flags: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system. */
  readonly options: readonly string[];
}

export interface MountTree {
  readonly all: readonly Mount[];
  /** The root mount, below those stacked on it. */
  readonly root: Mount | undefined;
  readonly over: ReadonlyMap<string, Mount>;
}

/** A directory of a file system. */
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

/**
 * Returns the mount that a path is on; undefined if mountinfo does not say.
 * @param path without symbolic links
 */
export function mountShowing({ root, over }: MountTree, path: string): Mount | undefined {
  let shown = root;
  for (const prefix of prefixesOf(path)) {
    // Mounts can be stacked.
    for (let next = shown; next !== undefined; next = over.get(keyOf(next.id, prefix))) shown = next;
  }
  return shown;
}

function prefixesOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return ["/", ...names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`)];
}

/** Whether the kernel alone answers: no remote server, FUSE program or automounter. */
export const answersAtOnce = ({ type }: Mount): boolean =>
  !/^(autofs|fuse\b.*|nfs\d?|cifs|smb\d?|9p|afs|ceph|coda|gfs2|lustre|ocfs2)$/.test(type);

/**
 * Returns the first mount on the way that may not answer.
 * @param path without symbolic links
 */
export function serverOnWay(tree: MountTree, path: string): Mount | undefined {
  const shown = prefixesOf(path).map((prefix) => mountShowing(tree, prefix));
  return shown.find((mount) => mount !== undefined && !answersAtOnce(mount));
}

export const isAnsweredAtOnce = (tree: MountTree, path: string): boolean => serverOnWay(tree, path) === undefined;

export function automountAbove({ all }: MountTree, path: string): string | undefined {
  return all.find(({ type, mountPoint }) => type === "autofs" && isWithin(path, mountPoint))?.mountPoint;
}

/** Returns the directory that a path names; undefined if mountinfo does not say. */
export function placeOf(tree: MountTree, path: string): Place | undefined {
  const mount = mountShowing(tree, path);
  if (mount === undefined) return undefined;
  const { device, path: root } = rootOf(mount);
  return { device, path: joinPath(root, pathBelow(path, mount.mountPoint) ?? "") };
}

// Each mounted directory of an NFS server is its own file system. The source names server and path.
function rootOf({ device, root, type, source }: Mount): Place {
  const [, server, directory] = (type.startsWith("nfs") && /^(\[.*\]|[^:/]+):(\/.*)$/.exec(source)) || [];
  return server === undefined || directory === undefined ? { device, path: root } : { device: server, path: directory };
}

/** Returns all paths that show a directory or something in it. */
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

/** Returns the directories behind a path: its own, automounted ones below it, and layers of an overlay. */
export function placesBehind(tree: MountTree, path: string): Place[] {
  const place = placeOf(tree, path);
  if (place === undefined) return [];
  const automounters = new Set(tree.all.filter(({ type }) => type === "autofs").map(({ id }) => id));
  const automounted = tree.all.filter(
    ({ mountPoint, parent }) => automounters.has(parent) && isWithin(mountPoint, path),
  );
  return [place, ...automounted.map(rootOf), ...layersBehind(tree, path, place)];
}

// A layer on the overlay itself is named by its earlier path. It is not found.
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
