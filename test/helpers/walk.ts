// Which part of a long proof a run covers. packaging/test makes a whole run's seed from the commit, so successive
// commits cover everything. Without a seed, as with FULL=1 or a named file, nothing is omitted.
import { readdirSync } from "node:fs";
import { releases, type Release } from "./root.ts";

function readSeed(): number | null {
  const text = process.env["TEST_SEED"] ?? "";
  if (text === "") return null;
  if (!/^\d+$/.test(text)) throw new Error(`TEST_SEED is no whole number: ${text}`);
  return Number(text);
}

/** Null when everything runs. */
export const SEED = readSeed();

/** For parts of a file that runs only with every second seed: SEED would select the same part each time. */
export const ROUND = SEED === null ? null : Math.floor(SEED / releases.length);

/** One part of the cases. This many successive rounds cover all. */
export function walk<T>(cases: readonly T[], parts: number, seed = ROUND): readonly T[] {
  return seed === null ? cases : cases.filter((_, index) => index % parts === seed % parts);
}

/** A run kills guestd at one in this many moments. */
export const INSTANT_PARTS = 4;

/** Returns `part` in a run with a seed. */
export function times(whole: number, part: number, seed = SEED): number {
  return seed === null ? whole : part;
}

/** These run in every share, with every commit. */
const CORE = ["lease", "leased-user-manager", "smoke", "view"];

/** Test files in test/FOLDER, in order. */
export const filesIn = (folder: string): readonly string[] =>
  readdirSync(new URL(`../${folder}`, import.meta.url))
    .filter((name) => name.endsWith(".test.ts"))
    .sort();

/** In as many runs as there are shares, a file runs once on each release, evenly spaced. */
export function shareOf(release: Release, shares: number): number {
  return releases.indexOf(release) * (shares / releases.length);
}

/**
 * The files that this run omits. Each file outside the core runs in one share, and with the next seed in the one
 * before. A share is a release, or everything that a run does.
 */
export function leftOut(folder: string, share: number, shares: number, seed = SEED): readonly string[] {
  if (seed === null) return [];
  const others = filesIn(folder).filter((name) => !CORE.includes(name.replace(".test.ts", "")));
  return others.filter((_, index) => (index + seed + share) % shares !== 0).map((name) => `test/${folder}/${name}`);
}
