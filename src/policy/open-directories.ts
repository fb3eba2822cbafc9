// What an administrator is told of directories of the host that guests can write to. Pure.
import type { Config } from "../config/schema.ts";

/** Directories of the host that anybody may write to. */
export interface OpenDirectories {
  readonly paths: readonly string[];
  /** Whether the time was enough for all of the host. */
  readonly whole: boolean;
}

/** Of so many paths a sentence speaks. */
const MOST_PATHS = 10;

/** Read-only in each view, not the host's, or of the kernel's own limits (mq_overview(7)). */
const NEVER_OPEN = ["/etc", "/proc", "/sys", "/run/user", "/dev/mqueue"];

/** What is so, and what to do about it: no sentence, or one. */
export function warnOfDirectories({ View, Sweep }: Config, { paths, whole }: OpenDirectories): string[] {
  // Who names a directory in Paths= has it swept, and knows of it.
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
