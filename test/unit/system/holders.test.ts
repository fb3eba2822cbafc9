import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Holder, Holders, SearchHolders } from "../../../src/system/holder-search.ts";
import type { Wanted } from "../../../src/system/holders.ts";
import { findHolders } from "../../../src/system/holders.ts";
import { makeSlowFile } from "../../helpers/slow-file.ts";

let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "guestd-proc-"));
});
afterEach(() => {
  rmSync(proc, { recursive: true });
});

const WANTED: Wanted = { label: "guest-s1", devices: ["0:51"], uid: 60600, namespaces: [4_026_532_000] };
const line = (source: string, point = "/tmp") => `36 35 0:51 / ${point} rw - tmpfs ${source} rw\n`;

/** A process of a made-up /proc. @param like is in the namespace of that one */
function addProcess(pid: number, mounts: string | undefined, { comm = "sh", like, uid = 0 }: { comm?: string; like?: number; uid?: number } = {}): void {
  mkdirSync(join(proc, String(pid)), { recursive: true });
  if (like === undefined) {
    mkdirSync(join(proc, `${pid}/ns`));
    writeFileSync(join(proc, `${pid}/ns/mnt`), "");
  } else {
    symlinkSync(join(proc, `${like}/ns`), join(proc, `${pid}/ns`));
  }
  writeFileSync(join(proc, `${pid}/comm`), `${comm}\n`);
  writeFileSync(join(proc, `${pid}/status`), `Name:\tsh\nState:\tS (sleeping)\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nThreads:\t1\n`);
  if (mounts !== undefined) writeFileSync(join(proc, `${pid}/mountinfo`), mounts);
}

async function look(wanted = WANTED, holders: readonly Holder[] | Error = [], { unseen = [], whole = true }: Partial<Holders> = {}) {
  const asked: unknown[][] = [];
  const search: SearchHolders = ({ devices, uid, namespaces }) => {
    asked.push([devices, uid, namespaces]);
    return holders instanceof Error ? Promise.reject(holders) : Promise.resolve({ holders, unseen, whole });
  };
  const [mounts, files, ...more] = await findHolders(search, wanted, proc);
  expect(more).toEqual([]);
  return { mounts, files, asked };
}

describe("findHolders says that it could not look", () => {
  it("where there is no /proc", async () => {
    proc = join(proc, "none");
    const { mounts } = await look();
    expect(mounts).toEqual({ kind: "mounts", found: 0, removed: 0, left: [expect.stringContaining("could not be looked at: ENOENT") as string] });
    proc = join(proc, "..");
  });

  it("where the mounts of a process cannot be read", async () => {
    addProcess(10, undefined);
    mkdirSync(join(proc, "10/mountinfo"));
    expect((await look()).mounts?.left).toEqual([expect.stringContaining("could not be looked at: EISDIR") as string]);
  });

  it("where the program cannot, and has looked at the mounts all the same", async () => {
    addProcess(10, line("guest-s1"));
    const { mounts, files } = await look(WANTED, new Error("EMFILE"));
    expect(files).toEqual({ kind: "open-files", found: 0, removed: 0, left: ["could not be looked at: EMFILE"] });
    expect(mounts?.found).toBe(1);
  });

  it("of a shared account's view of which nothing is known any more", async () => {
    const { files, asked } = await look({ ...WANTED, devices: undefined, uid: undefined });
    expect(files?.left).toEqual(["could not be looked at: the view is gone"]);
    expect(asked).toEqual([]);
  });
});

describe("findHolders", () => {
  it("finds nothing of others' mounts, be their names alike", async () => {
    addProcess(10, line("guest-s11") + line("guest-s") + line("tmpfs", "/guest-s1") + line("/dev/guest-s1"));
    expect((await look()).mounts).toEqual({ kind: "mounts", found: 0, removed: 0, left: [] });
  });

  it("names who has what mounted, whatever is in the name of the place", async () => {
    addProcess(10, line("tmpfs") + line("guest-s1", '/a\\040b"\\012c'));
    expect((await look()).mounts).toEqual({ kind: "mounts", found: 1, removed: 0, left: [String.raw`process 10 (sh) has /a b\x22\x0ac mounted`] });
  });

  it("looks into each namespace once", async () => {
    addProcess(10, line("guest-s1") + line("guest-s1", "/home/x"));
    addProcess(11, line("guest-s1"), { like: 10 });
    addProcess(12, line("guest-s1"));
    const { mounts } = await look();
    expect(mounts?.found).toBe(3);
    expect(mounts?.left.filter((what) => what.startsWith("process 11"))).toEqual([]);
  });

  it("asks another process of a namespace when the first one has gone while it was asked", async () => {
    addProcess(10, undefined);
    addProcess(11, line("guest-s1"), { like: 10 });
    expect((await look()).mounts?.left).toEqual([expect.stringContaining("process 11") as string]);
  });

  it("asks nobody but root, who alone can have mounted it: others may hang", async () => {
    addProcess(10, line("guest-s1"), { uid: 1000 });
    expect((await look()).mounts).toMatchObject({ found: 0, left: [] });
    // Who asked it would fail.
    rmSync(join(proc, "10/mountinfo"));
    mkdirSync(join(proc, "10/mountinfo"));
    addProcess(11, line("guest-s1"), { like: 10 });
    expect((await look()).mounts?.left).toEqual(["process 11 (sh) has /tmp mounted"]);
  });

  it("says whose mounts could not be read in time, and goes on with the others", async () => {
    addProcess(10, undefined);
    const stop = makeSlowFile(join(proc, "10/mountinfo"));
    try {
      addProcess(11, line("guest-s1"));
      expect((await look()).mounts).toMatchObject({ found: 2, left: ["what process 10 (sh) has mounted could not be read in time", "process 11 (sh) has /tmp mounted"] });
    } finally {
      stop();
    }
  });

  it("passes over what is no process, and those that are gone", async () => {
    mkdirSync(join(proc, "self"));
    mkdirSync(join(proc, "13"));
    writeFileSync(join(proc, "uptime"), "");
    expect((await look()).mounts).toMatchObject({ found: 0, left: [] });
  });

  it("names twenty, and counts the others", async () => {
    addProcess(10, Array.from({ length: 25 }, (_, index) => line("guest-s1", `/m${index}`)).join(""));
    const { mounts } = await look();
    expect(mounts?.found).toBe(25);
    expect(mounts?.left).toHaveLength(21);
    expect(mounts?.left.at(-1)).toBe("and more");
  });

  it("names who holds a file, and how", async () => {
    addProcess(10, "", { comm: "vi(\u001b[2J" });
    const { files } = await look(WANTED, [{ pid: 10, how: "descriptor" }, { pid: 11, how: "mapping" }]);
    expect(files).toEqual({ kind: "open-files", found: 2, removed: 0, left: ["process 10 (vi2J) holds a file of it (descriptor)", "process 11 holds a file of it (mapping)"] });
  });

  it("names who holds a namespace, who could not be looked at, and says when the time was not enough", async () => {
    addProcess(12, "", { comm: "x" });
    const { files } = await look(WANTED, [{ pid: 12, how: "namespace" }], { unseen: [12, 13], whole: false });
    expect(files?.left).toEqual([
      "process 12 (x) holds a namespace of it (namespace)", "process 12 (x) could not be looked at", "process 13 could not be looked at",
      "not all processes could be looked at in time",
    ]);
  });

  it.each<[string, Partial<Wanted>, unknown[]]>([
    ["by devices and by uid", {}, [["0:51"], 60600, [4_026_532_000]]],
    ["by uid alone, where the devices may be somebody else's by now", { devices: undefined }, [[], 60600, [4_026_532_000]]],
    ["by devices alone, of an account that others share", { uid: undefined }, [["0:51"], -1, [4_026_532_000]]],
  ])("looks for files %s", async (_, change, asked) => {
    expect((await look({ ...WANTED, ...change })).asked).toEqual([asked]);
    expect(existsSync(proc)).toBe(true);
  });
});
