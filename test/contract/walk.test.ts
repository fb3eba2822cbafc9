// What a run with a seed leaves out is done by others: nothing is tested less over some commits.
import { describe, expect, it } from "vitest";
import { listProjectFiles } from "../helpers/tree.ts";
import { leftOut, times, walk } from "../helpers/walk.ts";

const SEED = 0xdeadbeef;

const filesOf = (folder: string) =>
  listProjectFiles().filter((name) => name.startsWith(`test/${folder}/`) && name.endsWith(".test.ts"));

describe("the walk", () => {
  it("leaves nothing out without a seed", () => {
    expect(walk(["a", "b", "c"], 3, null)).toEqual(["a", "b", "c"]);
    expect(times(100, 20, null)).toBe(100);
    expect(leftOut("machine", 0, 2, null)).toEqual([]);
  });

  it("comes to every case within as many rounds as there are parts, and does the same for the same seed", () => {
    const cases = Array.from({ length: 17 }, (_, index) => index);
    const runs = [0, 1, 2, 3, 4].map((step) => walk(cases, 5, SEED + step));
    expect(runs.flat().sort((a, b) => a - b)).toEqual(cases);
    expect(walk(cases, 5, SEED)).toEqual(runs[0]);
    expect(times(100, 20, SEED)).toBe(20);
  });

  it.each(["machine", "package", "bounds"])(
    "comes to every file of %s tests on each release within two runs",
    (folder) => {
      const all = filesOf(folder);
      for (const release of [0, 1]) {
        const done = [0, 1].flatMap((step) =>
          all.filter((name) => !leftOut(folder, release, 2, SEED + step).includes(name)),
        );
        expect(new Set(done)).toEqual(new Set(all));
      }
      const left = [0, 1].map((release) => leftOut(folder, release, 2, SEED));
      expect(left.flat().length).toBeGreaterThan(0);
      expect(left[0]?.filter((name) => left[1]?.includes(name))).toEqual([]);
    },
  );

  it("comes to every file of full machine tests within as many runs as there are files, one in each", () => {
    const all = filesOf("full");
    const runs = all.map((_, step) =>
      all.filter((name) => !leftOut("full", 0, all.length, SEED + step).includes(name)),
    );
    expect(runs.flat().sort()).toEqual(all);
    expect(runs.every((files) => files.length === 1)).toBe(true);
  });
});
