// What a run with a seed leaves out is done by others: nothing is tested less over some commits.
import { describe, expect, it } from "vitest";
import { listProjectFiles } from "../helpers/tree.ts";
import { leftOut, times, walk } from "../helpers/walk.ts";

const SEED = 0xdeadbeef;

describe("the walk", () => {
  it("leaves nothing out without a seed", () => {
    expect(walk(["a", "b", "c"], 3, null)).toEqual(["a", "b", "c"]);
    expect(times(100, 20, null)).toBe(100);
    expect(leftOut("bookworm", null)).toEqual([]);
  });

  it("comes to every case within as many seeds as there are parts, and does the same for the same seed", () => {
    const cases = Array.from({ length: 17 }, (_, index) => index);
    const runs = [0, 1, 2, 3, 4].map((step) => walk(cases, 5, SEED + step));
    expect(runs.flat().sort((a, b) => a - b)).toEqual(cases);
    expect(walk(cases, 5, SEED)).toEqual(runs[0]);
    expect(times(100, 20, SEED)).toBe(20);
  });

  it("comes to every file of machine tests on each release", () => {
    const all = listProjectFiles().filter((name) => /^test\/machine\/.*\.test\.ts$/.test(name));
    const done = [0, 1, 2].flatMap((step) => all.filter((name) => !leftOut("bookworm", SEED + step).includes(name)));
    expect(new Set(done)).toEqual(new Set(all));
    expect(leftOut("trixie", SEED)).toEqual([]);
    expect(leftOut("bookworm", SEED).every((name) => all.includes(name))).toBe(true);
    expect(leftOut("bookworm", SEED).length).toBeGreaterThan(0);
  });
});
