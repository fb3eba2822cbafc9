// Which part of a long proof a run does. A whole run has a seed, made from the commit (packaging/test), so that commit after
// commit all of it comes. Without a seed, which is what FULL=1 and a file that is named mean, nothing is left out.
import { readdirSync } from "node:fs";
import type { Release } from "./root.ts";

function readSeed(): number | null {
  const text = process.env["TEST_SEED"] ?? "";
  if (text === "") return null;
  if (!/^\d+$/.test(text)) throw new Error(`TEST_SEED is no whole number: ${text}`);
  return Number(text);
}

/** Null where all is to be done. */
export const SEED = readSeed();

/** One of so many parts of the cases; as many seeds one after another have all of them. */
export function walk<T>(cases: readonly T[], parts: number, seed = SEED): readonly T[] {
  return seed === null ? cases : cases.filter((_, index) => index % parts === seed % parts);
}

/**
 * Of the instants at which guestd is killed a run does one of so many. Not a multiple of the parts that the files are in: a file
 * that comes with every third seed would have the same instants each time.
 */
export const INSTANT_PARTS = 4;

/** How often something is repeated: the whole proof, or the part of it that a run with a seed does. */
export function times(whole: number, part: number, seed = SEED): number {
  return seed === null ? whole : part;
}

/** What runs on both releases with every commit. */
const CORE = ["boot", "end", "lease", "leased-user-manager", "polkit", "restart", "smoke", "switch", "view"];
/** Of the other files a run does one of so many on the older release, and all on the newer one. */
const PARTS = 3;

/** The files of machine tests that this run leaves out on a release. */
export function leftOut(release: Release, seed = SEED): readonly string[] {
  if (release === "trixie") return [];
  const others = readdirSync(new URL("../machine", import.meta.url))
    .filter((name) => name.endsWith(".test.ts") && !CORE.includes(name.replace(".test.ts", "")))
    .sort();
  const done = walk(others, PARTS, seed);
  return others.filter((name) => !done.includes(name)).map((name) => `test/machine/${name}`);
}
