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

  it("decodes blanks, tabs and backslashes in a mount point", () => {
    expect(parseMountinfo("1 2 0:5 / /a\\040b\\011c\\134d rw - tmpfs x rw")).toEqual([
      { device: "0:5", mountPoint: "/a b\tc\\d", source: "x" },
    ]);
  });

  it("is not misled by a mount point that looks like the end of the optional fields", () => {
    expect(parseMountinfo("1 2 0:5 / /a\\040-\\040tmpfs\\040guest-s1 rw shared:1 - tmpfs guest-s2 rw")).toEqual([
      { device: "0:5", mountPoint: "/a - tmpfs guest-s1", source: "guest-s2" },
    ]);
  });

  it("returns no source where there is none", () => {
    expect(parseMountinfo("1 2 0:5 / /a rw - tmpfs\n1 2 0:6 / /b rw")).toEqual([
      { device: "0:5", mountPoint: "/a", source: "" },
      { device: "0:6", mountPoint: "/b", source: "" },
    ]);
  });

  it("skips invalid lines", () => {
    expect(parseMountinfo("\nnonsense\n1 2 3\n")).toEqual([]);
  });
});

describe("parseMounts", () => {
  it("reads all fields of a mount, with blanks, and skips invalid lines", () => {
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
  /** Never ends when read in small pieces, however many fit in a millisecond. */
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

  it("returns nothing for a process that is gone", () => {
    const reader = new MountReader(LONG_MS);
    expect(reader.read(join(root, "none"))).toBeUndefined();
    expect(reader.read(join(few, "mountinfo"))).toBeUndefined();
  });

  it("tells an unreadable process from one that is gone", () => {
    const reader = new MountReader(LONG_MS);
    expect(() => reader.read(root)).toThrow(/EISDIR/);
    expect(reader.read(few)).toHaveLength(1);
  });

  it("reads a long file whole, even where a chunk ends within a name", () => {
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

  it("skips one that takes too long, and reads the others", () => {
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

  it("stops when all of its time is used, however short the next file", () => {
    const reader = new MountReader(SHORT_MS);
    expect(timed(() => reader.read(ENDLESS))).toMatchObject({ result: "late" });
    for (const path of [few, ENDLESS]) {
      expect(timed(() => reader.read(path))).toMatchObject({ result: "late" });
    }
    expect(reader.read(join(root, "none"))).toBeUndefined();
  });

  it("uses almost no time for short files", () => {
    const reader = new MountReader(LONG_MS);
    for (let times = 0; times < 200; times++) expect(reader.read(few)).toHaveLength(1);
  });
});
