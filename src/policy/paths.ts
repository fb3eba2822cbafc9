// Absolute paths as text, and where links lead. Pure; system/sessions/links.ts finds links.

/** A link that only root can change. Both paths are absolute; no directory above `path` is a link. */
export interface Link {
  readonly path: string;
  readonly target: string;
}

/** As many as the kernel follows (path_resolution(7)). */
export const MOST_LINKS = 40;

/** Returns the part of a path below a directory; "" for the directory itself, undefined outside it. */
export function pathBelow(path: string, directory: string): string | undefined {
  if (path === directory) return "";
  const prefix = directory === "/" ? "/" : `${directory}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

export const isWithin = (path: string, directory: string): boolean => pathBelow(path, directory) !== undefined;

/** @param below as from pathBelow() */
export function joinPath(directory: string, below: string): string {
  if (below === "") return directory;
  return directory === "/" ? `/${below}` : `${directory}/${below}`;
}

export function followLinks(path: string, links: readonly Link[]): string {
  let followed = path;
  for (let count = 0; count < MOST_LINKS; count++) {
    const link = links.find((candidate) => isWithin(followed, candidate.path));
    if (link === undefined) break;
    followed = joinPath(link.target, pathBelow(followed, link.path) ?? "");
  }
  return followed;
}
