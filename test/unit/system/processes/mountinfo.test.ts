import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MountReader, parseMountinfo, parseMounts } from "../../../../src/system/processes/mountinfo.ts";
import { makeSlowFile } from "../../../helpers/slow-file.ts";

describe("parseMountinfo", () => {
  it("reads device, mount point and source", () => {
    expect(parseMountinfo("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")).toEqual([
      { device: "98:0", mountPoint: "/mnt2", source: "/dev/root" },
    ]);
  });

  it("reads blanks, tabs and backslashes in a mount point", () => {
    expect(parseMountinfo("1 2 0:5 / /a\\040b\\011c\\134d rw - tmpfs x rw")).toEqual([
      { device: "0:5", mountPoint: "/a b\tc\\d", source: "x" },
    ]);
  });

  it("is not misled by a mount point that looks like the end of the optional fields", () => {
    expect(parseMountinfo("1 2 0:5 / /a\\040-\\040tmpfs\\040guest-s1 rw shared:1 - tmpfs guest-s2 rw")).toEqual([
      { device: "0:5", mountPoint: "/a - tmpfs guest-s1", source: "guest-s2" },
    ]);
  });

  it("knows no source where there is none", () => {
    expect(parseMountinfo("1 2 0:5 / /a rw - tmpfs\n1 2 0:6 / /b rw")).toEqual([
      { device: "0:5", mountPoint: "/a", source: "" },
      { device: "0:6", mountPoint: "/b", source: "" },
    ]);
  });

  it("passes over lines that are none", () => {
    expect(parseMountinfo("\nnonsense\n1 2 3\n")).toEqual([]);
  });
});

describe("parseMounts", () => {
  it("reads all of a mount, with blanks in it, and passes over lines that are none", () => {
    const line = "36 35 98:0 /a\\040b /mnt\\0402 ro,noexec master:1 - ext3 /dev/x\\040y rw,lowerdir=/a\\054b";
    expect(parseMounts(`\nnonsense\n${line}\n`)).toEqual([
      {
        id: 36,
        parent: 35,
        device: "98:0",
        root: "/a b",
        mountPoint: "/mnt 2",
        flags: ["ro", "noexec"],
        type: "ext3",
        source: "/dev/x y",
        options: ["rw", "lowerdir=/a,b"],
      },
    ]);
  });
});

describe("MountReader", () => {
  const LONG_MS = 5_000;
  const SHORT_MS = 20;
  /** Read a little at a time it never ends, whatever is done of it in a millisecond. */
  const ENDLESS = "/dev/zero";
  let root: string;
  let few: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "guestd-mounts-"));
    few = join(root, "few");
    writeFileSync(few, "1 2 0:5 / /a rw - tmpfs x rw\n");
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const timed = (read: () => unknown) => {
    const start = performance.now();
    return { result: read(), ms: performance.now() - start };
  };

  it("knows nothing of a process that has gone", () => {
    const reader = new MountReader(LONG_MS);
    expect(reader.read(join(root, "none"))).toBeUndefined();
    expect(reader.read(join(few, "mountinfo"))).toBeUndefined();
  });

  it("does not take for gone what it cannot read", () => {
    const reader = new MountReader(LONG_MS);
    expect(() => reader.read(root)).toThrow(/EISDIR/);
    expect(reader.read(few)).toHaveLength(1);
  });

  it("reads all of a long one, also where a name does not end with a piece of it", () => {
    const point = `/${"\u00e9\u20ac".repeat(300)}`;
    writeFileSync(
      few,
      Array.from({ length: 500 }, (_, index) => `1 2 0:${index} / ${point} rw - tmpfs x rw\n`).join(""),
    );
    const mounts = new MountReader(LONG_MS).read(few);
    expect(mounts).toEqual(
      Array.from({ length: 500 }, (_, index) => ({ device: `0:${index}`, mountPoint: point, source: "x" })),
    );
  });

  it("gives up one that takes too long, and has time for the others", () => {
    const slow = join(root, "slow");
    const stop = makeSlowFile(slow);
    try {
      const reader = new MountReader(LONG_MS);
      const { result, ms } = timed(() => reader.read(slow));
      expect(result).toBe("late");
      expect(ms).toBeGreaterThan(290);
      expect(ms).toBeLessThan(LONG_MS / 2);
      expect(reader.read(few)).toEqual([{ device: "0:5", mountPoint: "/a", source: "x" }]);
    } finally {
      stop();
    }
  });

  it("has no time left when all of it is used, however little there is to be read", () => {
    const reader = new MountReader(SHORT_MS);
    expect(timed(() => reader.read(ENDLESS))).toMatchObject({ result: "late" });
    for (const path of [few, ENDLESS]) {
      expect(timed(() => reader.read(path))).toMatchObject({ result: "late" });
    }
    expect(reader.read(join(root, "none"))).toBeUndefined();
  });

  it("needs as good as none of it for what is short", () => {
    const reader = new MountReader(LONG_MS);
    for (let times = 0; times < 200; times++) expect(reader.read(few)).toHaveLength(1);
  });
});
