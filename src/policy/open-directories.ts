// Warns of directories of the host that guests can fill. Pure.
import type { Config } from "../config/schema.ts";

export interface OpenDirectories {
  readonly paths: readonly string[];
  /** The search finished in time. */
  readonly whole: boolean;
}

const MOST_PATHS = 10;

/** Read-only in views, not the host's, or limited by the kernel (mq_overview(7)). */
const NEVER_OPEN = ["/etc", "/proc", "/sys", "/run/user", "/dev/mqueue"];

/** Returns at most one sentence. */
export function warnOfDirectories({ View, Sweep }: Config, { paths, whole }: OpenDirectories): string[] {
  // The administrator knows those in Paths=, which are swept.
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
