// Warns an administrator of directories of the host that guests can write to. Pure.
import type { Config } from "../config/schema.ts";

/** Directories of the host that all users may write to. */
export interface OpenDirectories {
  readonly paths: readonly string[];
  /** Whether the search finished in time. */
  readonly whole: boolean;
}

/** How many paths a sentence names, at most. */
const MOST_PATHS = 10;

/** Read-only in each view, not the host's, or limited by the kernel itself (mq_overview(7)). */
const NEVER_OPEN = ["/etc", "/proc", "/sys", "/run/user", "/dev/mqueue"];

/** What was found, and what to do about it: no sentence, or one. */
export function warnOfDirectories({ View, Sweep }: Config, { paths, whole }: OpenDirectories): string[] {
  // Directories in Paths= are swept, and the administrator knows them.
  const known = [...View.Private, ...View.Hide, ...View.ReadOnly, ...Sweep.Paths].map(({ path }) => path);
  const covers = [...NEVER_OPEN, ...known];
  const open = paths.filter((path) => !covers.some((cover) => path === cover || path.startsWith(`${cover}/`)));
  const late = whole ? "" : " Not all of the host could be looked at in time.";
  if (open.length === 0) return late === "" ? [] : [late.trim()];
  const more = open.length > MOST_PATHS ? ` and ${open.length - MOST_PATHS} more` : "";
  return [
    `Guests can write to ${open.slice(0, MOST_PATHS).join(" ")}${more} on the host, and fill it: name them in Private= or Hide= of [View], or in Paths= of [Sweep] where they are meant to.${late}`,
  ];
}
