import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEFAULTS } from "../../../../src/config/parse.ts";
import type { WalkProgress } from "../../../../src/system/bindings.ts";
import { PathWalk } from "../../../../src/system/sweep/path-walk.ts";

const GOING: WalkProgress = { done: false, names: 1, owners: [], unread: [] };
const OVER: WalkProgress = { ...GOING, done: true };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-walk-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function walkOf(answers: readonly (WalkProgress | Error)[], foreign: readonly number[] = []) {
  const opened: [readonly string[], readonly number[]][] = [];
  const left = [...answers];
  const openWalk = (paths: readonly string[], uids: readonly number[]) => {
    opened.push([paths, uids]);
    return {
      goOn: () => {
        const answer = left.shift() ?? new Error("asked too often");
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    };
  };
  const checkForeign = (uid: number) =>
    foreign.includes(uid) ? Promise.reject(new Error(`the uid ${uid} belongs to squatter`)) : Promise.resolve();
  const pathWalk = new PathWalk({ bindings: { openWalk }, checkForeign });
  const settings = { ...DEFAULTS.Sweep, Paths: [root, join(root, "none")].map((path) => ({ path, optional: true })) };
  return { opened, goOn: (uids: readonly number[], begins: boolean) => pathWalk.goOn(uids, begins, settings) };
}

describe("the walk of all directories", () => {
  it("fails where there is none to continue, and must then start over", async () => {
    const { goOn } = walkOf([OVER]);
    await expect(goOn([7], false)).rejects.toThrow("no walk to go on with");
    await goOn([7], true);
    await expect(goOn([7], false)).rejects.toThrow("no walk to go on with");
  });

  it("fails when the addon does, and must then start over", async () => {
    const { goOn } = walkOf([GOING, new Error("EMFILE"), OVER]);
    await goOn([7], true);
    await expect(goOn([7], false)).rejects.toThrow("EMFILE");
    await expect(goOn([7], false)).rejects.toThrow("no walk to go on with");
    expect(await goOn([7], true)).toMatchObject({ done: true });
  });

  it("is opened once, and continues until it is done", async () => {
    const { opened, goOn } = walkOf([GOING, GOING, OVER]);
    expect([await goOn([7, 8], true), await goOn([7, 8], false), await goOn([7, 8], false)]).toEqual([
      GOING,
      GOING,
      OVER,
    ]);
    expect(opened).toHaveLength(1);
    expect(opened[0]?.[1]).toEqual([7, 8]);
  });

  it("searches below the configured directories, once each, and below those of services", async () => {
    const { opened, goOn } = walkOf([OVER]);
    mkdirSync(join(root, "there"));
    symlinkSync(root, join(root, "none"));
    await goOn([7], true);
    const [paths = []] = opened[0] ?? [];
    expect(paths.filter((path) => path.startsWith(root))).toEqual([root]);
    expect(paths).toContain("/var/mail");
  });

  it("removes nothing of a UID that belongs to a user by now, and reports that", async () => {
    const { opened, goOn } = walkOf([GOING, OVER], [8]);
    await goOn([7, 8], true);
    expect(opened[0]?.[1]).toEqual([7]);
    const { owners } = await goOn([7, 8], false);
    expect(owners).toEqual([{ uid: 8, found: 0, removed: 0, left: ["the uid 8 belongs to squatter"] }]);
  });

  it("reports what is left shortly and plainly", async () => {
    const left = Array.from({ length: 50 }, (_, index) => `${index}\n${"x".repeat(5000)}`);
    const { goOn } = walkOf([{ ...OVER, owners: [{ uid: 7, found: 50, removed: 0, left }], unread: left }]);
    const { owners, unread } = await goOn([7], true);
    for (const said of [owners[0]?.left ?? [], unread]) {
      expect(said).toHaveLength(21);
      expect(said.every((sentence) => /^[ -~]{1,300}$/.test(sentence))).toBe(true);
    }
  });
});
