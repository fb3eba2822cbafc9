// Absolute paths as text: what lies below what, and where the symbolic links on the way lead.
// Pure; the links are found by system/sessions/links.ts.

/** A symbolic link that root alone can change: its path and its target, absolute; no link stands above the path. */
export interface Link {
  readonly path: string;
  readonly target: string;
}

/** As many links in one path as the kernel follows (path_resolution(7)). */
export const MOST_LINKS = 40;

/** The part of a path below a directory, "" for the directory itself; undefined for what is not below it. */
export function pathBelow(path: string, directory: string): string | undefined {
  if (path === directory) return "";
  const prefix = directory === "/" ? "/" : `${directory}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

export const isWithin = (path: string, directory: string): boolean => pathBelow(path, directory) !== undefined;

/** @param below as pathBelow() gives it */
export function joinPath(directory: string, below: string): string {
  if (below === "") return directory;
  return directory === "/" ? `/${below}` : `${directory}/${below}`;
}

/** The path without links; with those that are left after MOST_LINKS of them. */
export function followLinks(path: string, links: readonly Link[]): string {
  let followed = path;
  for (let count = 0; count < MOST_LINKS; count++) {
    const link = links.find((candidate) => isWithin(followed, candidate.path));
    if (link === undefined) break;
    followed = joinPath(link.target, pathBelow(followed, link.path) ?? "");
  }
  return followed;
}
