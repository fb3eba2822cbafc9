import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UnlockMarks } from "../../../src/system/unlock-marks.ts";

let root: string;
let directory: string;
let marks: UnlockMarks;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-unlock-"));
  directory = join(root, "marks");
  marks = new UnlockMarks(directory);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe("UnlockMarks", () => {
  it("makes each mark visible by name to all users, and the list to none, under any umask", () => {
    const before = process.umask(0o077);
    try {
      marks.make(65536);
    } finally {
      process.umask(before);
    }
    expect([modeOf(directory), modeOf(join(directory, "65536"))]).toEqual(["711", "600"]);
  });

  it("returns whether a mark existed", () => {
    expect([marks.make(65536), marks.make(65536), marks.make(65537)]).toEqual([
      { made: true },
      { made: false },
      { made: true },
    ]);
    expect(marks.list().sort()).toEqual([65536, 65537]);
  });

  it("removes the mark of one UID, and accepts a missing one", () => {
    for (const uid of [6553, 65536]) marks.make(uid);
    for (let time = 0; time < 2; time++) marks.remove(6553);
    expect(marks.list()).toEqual([65536]);
  });

  it("lists only marks, and nothing before the directory exists", () => {
    expect(marks.list()).toEqual([]);
    mkdirSync(directory);
    writeFileSync(join(directory, "guest"), "");
    symlinkSync("/etc/shadow", join(directory, "-1"));
    expect(marks.list()).toEqual([]);
  });

  it("fails where a mark cannot be made", () => {
    writeFileSync(directory, "");
    expect(() => marks.make(65536)).toThrow(/EEXIST|ENOTDIR/);
  });
});
