// Which part of a long proof a run covers. A whole run has a seed, made from the commit (packaging/test), so successive
// commits cover everything. Without a seed, as with FULL=1 or a named file, nothing is omitted.
import { readdirSync } from "node:fs";
import { releases, type Release } from "./root.ts";

function readSeed(): number | null {
  const text = process.env["TEST_SEED"] ?? "";
  if (text === "") return null;
  if (!/^\d+$/.test(text)) throw new Error(`TEST_SEED is no whole number: ${text}`);
  return Number(text);
}

/** Null where everything is to be run. */
export const SEED = readSeed();

/** For walks inside a file that runs with every second seed only: it would get the same part each time. */
export const ROUND = SEED === null ? null : Math.floor(SEED / releases.length);

/** One of so many parts of the cases; as many successive rounds cover all of them. */
export function walk<T>(cases: readonly T[], parts: number, seed = ROUND): readonly T[] {
  return seed === null ? cases : cases.filter((_, index) => index % parts === seed % parts);
}

/** Of the moments at which guestd is killed, a run covers one in so many. */
export const INSTANT_PARTS = 4;

/** How often something is repeated: in full, or the part for a run with a seed. */
export function times(whole: number, part: number, seed = SEED): number {
  return seed === null ? whole : part;
}

/** Files that run in every share, with every commit. */
const CORE = ["lease", "leased-user-manager", "smoke", "view"];

/** The names of the test files in test/FOLDER, in order. */
export const filesIn = (folder: string): readonly string[] =>
  readdirSync(new URL(`../${folder}`, import.meta.url))
    .filter((name) => name.endsWith(".test.ts"))
    .sort();

/** The share of a release. Within as many runs as there are shares, a file has one on each release, evenly spaced. */
export function shareOf(release: Release, shares: number): number {
  return releases.indexOf(release) * (shares / releases.length);
}

/**
 * The files below test/FOLDER that this run omits. Each file outside the core runs in one of the shares, and with the
 * next seed in the one before: a share can be a release, or everything that a run does.
 */
export function leftOut(folder: string, share: number, shares: number, seed = SEED): readonly string[] {
  if (seed === null) return [];
  const others = filesIn(folder).filter((name) => !CORE.includes(name.replace(".test.ts", "")));
  return others.filter((_, index) => (index + seed + share) % shares !== 0).map((name) => `test/${folder}/${name}`);
}
