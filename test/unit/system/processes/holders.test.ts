import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  FileHolder,
  HolderCriteria,
  Holders,
  SearchHolders,
} from "../../../../src/system/processes/holder-search.ts";
import { findHolders } from "../../../../src/system/processes/holders.ts";

let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "guestd-proc-"));
});
afterEach(() => {
  rmSync(proc, { recursive: true });
});

const CRITERIA: HolderCriteria = { label: "guest-s1", devices: ["0:51"], uid: 60600, namespaces: [4_026_532_000] };

function addProcess(pid: number, comm: string): void {
  mkdirSync(join(proc, String(pid)), { recursive: true });
  writeFileSync(join(proc, `${pid}/comm`), `${comm}\n`);
}

async function look(
  criteria = CRITERIA,
  held: readonly FileHolder[] | Error = [],
  { mounts: mounted = [], unread = [], unseen = [], whole = true }: Partial<Holders> = {},
) {
  const asked: unknown[][] = [];
  const search: SearchHolders = ({ devices, uid, namespaces, label }) => {
    asked.push([devices, uid, namespaces, label]);
    return held instanceof Error
      ? Promise.reject(held)
      : Promise.resolve({ files: held, mounts: mounted, unread, unseen, whole });
  };
  const [mounts, files, ...more] = await findHolders(search, criteria, proc);
  expect(more).toEqual([]);
  return { mounts, files, asked };
}

describe("findHolders reports an incomplete look", () => {
  it("where the program cannot look", async () => {
    const { mounts, files } = await look(CRITERIA, new Error("EMFILE"));
    expect(mounts).toEqual({ kind: "mounts", found: 0, removed: 0, left: ["could not be looked at: EMFILE"] });
    expect(files).toEqual({ kind: "open-files", found: 0, removed: 0, left: ["could not be looked at: EMFILE"] });
  });

  it("for a shared account's lost view, and still looks at its mounts", async () => {
    const { mounts, files } = await look({ ...CRITERIA, devices: undefined, uid: undefined }, [], {
      mounts: [{ pid: 10, path: "/mnt" }],
    });
    expect(files?.left).toEqual(["could not be looked at: the view is gone"]);
    expect(mounts?.left).toEqual(["process 10 has /mnt mounted"]);
  });

  it("at mounts where the session is unknown", async () => {
    const { mounts, files } = await look({ ...CRITERIA, label: undefined });
    expect(mounts?.left).toEqual(["could not be looked at: the session is unknown"]);
    expect(files?.left).toEqual([]);
  });
});

describe("findHolders", () => {
  it("finds nothing where nothing is held", async () => {
    const { mounts, files } = await look();
    expect([mounts, files]).toEqual([
      { kind: "mounts", found: 0, removed: 0, left: [] },
      { kind: "open-files", found: 0, removed: 0, left: [] },
    ]);
  });

  it("names processes with a mount, whatever characters the path contains", async () => {
    addProcess(10, "sh");
    const { mounts } = await look(CRITERIA, [], { mounts: [{ pid: 10, path: '/a\\040b"\\012c\u00ff' }] });
    expect(mounts).toEqual({
      kind: "mounts",
      found: 1,
      removed: 0,
      left: [String.raw`process 10 (sh) has /a b\x22\x0ac\xff mounted`],
    });
  });

  it("names processes whose files could not be read in time", async () => {
    addProcess(10, "sh");
    const { mounts, files } = await look(CRITERIA, [{ pid: 10, how: "descriptor" }], { unread: [10, 11] });
    expect(files).toEqual({
      kind: "open-files",
      found: 3,
      removed: 0,
      left: [
        "process 10 (sh) holds a file of it (descriptor)",
        "what process 10 (sh) holds could not be read in time",
        "what process 11 holds could not be read in time",
      ],
    });
    expect(mounts?.left).toEqual([]);
  });

  it("names processes whose mounts could not be read in time", async () => {
    addProcess(10, "sh");
    const { mounts } = await look(CRITERIA, [], {
      mounts: [
        { pid: 10, path: undefined },
        { pid: 11, path: "/tmp" },
      ],
    });
    expect(mounts).toMatchObject({
      found: 2,
      left: ["what process 10 (sh) has mounted could not be read in time", "process 11 has /tmp mounted"],
    });
  });

  it("names twenty processes, and counts the others", async () => {
    const { mounts } = await look(CRITERIA, [], {
      mounts: Array.from({ length: 25 }, (_, index) => ({ pid: 10 + index, path: "/mnt" })),
    });
    expect(mounts?.found).toBe(25);
    expect(mounts?.left).toHaveLength(21);
    expect(mounts?.left.at(-1)).toBe("and more");
  });

  it("names processes that hold a file, and how", async () => {
    addProcess(10, "vi(\u001b[2J");
    const { files } = await look(CRITERIA, [
      { pid: 10, how: "descriptor" },
      { pid: 11, how: "mapping" },
    ]);
    expect(files).toEqual({
      kind: "open-files",
      found: 2,
      removed: 0,
      left: ["process 10 (vi\\x28\\x1b[2J) holds a file of it (descriptor)", "process 11 holds a file of it (mapping)"],
    });
  });

  it("names processes that hold a namespace or could not be looked at, and reports a timeout", async () => {
    addProcess(12, "x");
    const { mounts, files } = await look(CRITERIA, [{ pid: 12, how: "namespace" }], { unseen: [12, 13], whole: false });
    expect(mounts?.left).toEqual([
      "process 12 (x) could not be looked at",
      "process 13 could not be looked at",
      "not all processes could be looked at in time",
    ]);
    expect(files?.left).toEqual([
      "process 12 (x) holds a namespace of it (namespace)",
      "process 12 (x) could not be looked at",
      "process 13 could not be looked at",
      "not all processes could be looked at in time",
    ]);
  });

  it.each<[string, Partial<HolderCriteria>, unknown[]]>([
    ["by devices and by UID", {}, [["0:51"], 60600, [4_026_532_000], "guest-s1"]],
    [
      "only by UID, where the devices may be reused",
      { devices: undefined },
      [undefined, 60600, [4_026_532_000], "guest-s1"],
    ],
    ["only by devices, for a shared account", { uid: undefined }, [["0:51"], undefined, [4_026_532_000], "guest-s1"]],
  ])("looks for files %s", async (_, change, asked) => {
    expect((await look({ ...CRITERIA, ...change })).asked).toEqual([asked]);
  });
});
