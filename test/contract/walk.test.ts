// Other runs do what a run with a seed omits: over some commits nothing is tested less.
import { describe, expect, it } from "vitest";
import { releases, type Release } from "../helpers/root.ts";
import { listProjectFiles } from "../helpers/tree.ts";
import { leftOut, shareOf, times, walk } from "../helpers/walk.ts";

const SEED = 0xdeadbeef;

const filesOf = (folder: string) =>
  listProjectFiles().filter((name) => name.startsWith(`test/${folder}/`) && name.endsWith(".test.ts"));

describe("the selection of tests", () => {
  it("omits nothing without a seed", () => {
    expect(walk(["a", "b", "c"], 3, null)).toEqual(["a", "b", "c"]);
    expect(times(100, 20, null)).toBe(100);
    expect(leftOut("machine", 0, 2, null)).toEqual([]);
  });

  it("reaches every case within as many rounds as there are parts, and repeats itself for the same seed", () => {
    const cases = Array.from({ length: 17 }, (_, index) => index);
    const runs = [0, 1, 2, 3, 4].map((step) => walk(cases, 5, SEED + step));
    expect(runs.flat().sort((a, b) => a - b)).toEqual(cases);
    expect(walk(cases, 5, SEED)).toEqual(runs[0]);
    expect(times(100, 20, SEED)).toBe(20);
  });

  it.each([
    { folder: "machine", shares: 2 },
    { folder: "package", shares: 2 },
    { folder: "desktop", shares: 2 },
    { folder: "bounds", shares: 4 },
  ])("reaches every file of $folder tests on each release within $shares runs", ({ folder, shares }) => {
    const all = filesOf(folder);
    const left = (release: Release, step: number) => leftOut(folder, shareOf(release, shares), shares, SEED + step);
    for (const release of releases) {
      const done = Array.from({ length: shares }, (_, step) =>
        all.filter((name) => !left(release, step).includes(name)),
      );
      expect(new Set(done.flat())).toEqual(new Set(all));
    }
  });

  it("runs a file of machine tests on one release in each run, and one of bounds in every second", () => {
    const takesTurns = (name: string) => [0, 1].some((seed) => leftOut("machine", 0, 2, seed).includes(name));
    const runsOf = (folder: string, shares: number, name: string) =>
      [0, 1, 2, 3].map((step) =>
        releases.filter((release) => !leftOut(folder, shareOf(release, shares), shares, SEED + step).includes(name)),
      );
    for (const name of filesOf("machine").filter(takesTurns))
      expect(runsOf("machine", 2, name).map((on) => on.length)).toEqual([1, 1, 1, 1]);
    for (const name of filesOf("bounds")) {
      const runs = runsOf("bounds", 4, name);
      expect(runs.flat().sort()).toEqual([...releases]);
      expect(runs.map((on) => on.length)).toEqual(runs[0]?.length === 1 ? [1, 0, 1, 0] : [0, 1, 0, 1]);
    }
  });

  it("reaches every full machine test within as many runs as there are files, one in each", () => {
    const all = filesOf("full");
    const runs = all.map((_, step) =>
      all.filter((name) => !leftOut("full", 0, all.length, SEED + step).includes(name)),
    );
    expect(runs.flat().sort()).toEqual(all);
    expect(runs.every((files) => files.length === 1)).toBe(true);
  });
});
