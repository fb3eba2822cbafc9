import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LeasePaths } from "../../../../src/system/state/lease-store.ts";
import { LeaseStore } from "../../../../src/system/state/lease-store.ts";

let root: string;
let paths: LeasePaths;
let store: LeaseStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-leases-"));
  paths = {
    rested: join(root, "run/rested"),
    restedEarlier: join(root, "run/leases"),
    quarantined: join(root, "var/quarantine"),
  };
  store = new LeaseStore(paths);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const WHY = { reason: "processes: process 7 does not end", user: "guest-aaaa", session: "s1" };

describe("LeaseStore keeps a UID out of use", () => {
  it("that waits for the walk, and knows that it does", async () => {
    await store.quarantine(60600, { ...WHY, waits: true });
    expect(store.read().quarantined.get(60600)).toStrictEqual({ ...WHY, waits: true });
    await store.quarantine(60600, WHY);
    expect(store.read().quarantined.get(60600)).toStrictEqual(WHY);
  });

  it.each([
    ["garbage", "}{"],
    ["an empty file", ""],
    ["half an entry", '{"uid":60600,"reason"'],
    ["null", "null"],
    ["a list", "[]"],
    ["another uid's entry", '{"uid":60601,"reason":"x","user":"guest-aaaa"}'],
    ["an entry without a reason", '{"uid":60600,"user":"guest-aaaa"}'],
    ["an entry without a name", '{"uid":60600,"reason":"x"}'],
    ["a reason that is no text", '{"uid":60600,"reason":false,"user":"guest-aaaa"}'],
    ["a name that is null", '{"uid":60600,"reason":"x","user":null}'],
  ])("for which it finds %s, and knows no name for it", (_, text) => {
    store.rest(60600);
    mkdirSync(paths.quarantined, { recursive: true });
    writeFileSync(join(paths.quarantined, "60600"), text);
    const { rested, quarantined } = store.read();
    expect(rested).toEqual([]);
    expect([...quarantined]).toEqual([
      [60600, { reason: expect.stringContaining("cannot be read") as string, user: "" }],
    ]);
  });

  it.each(["", ',"session":7', ',"session":null'])("for whose session it finds nothing, or no text (%j)", (more) => {
    mkdirSync(paths.quarantined, { recursive: true });
    writeFileSync(join(paths.quarantined, "60600"), `{"uid":60600,"reason":"x","user":"guest-aaaa"${more}}`);
    expect(store.read().quarantined.get(60600)).toStrictEqual({ reason: "x", user: "guest-aaaa" });
  });

  it("for which there is a directory in place of a file", () => {
    mkdirSync(join(paths.quarantined, "60600"), { recursive: true });
    expect([...store.read().quarantined.keys()]).toEqual([60600]);
  });

  it("whatever is said of its rest", async () => {
    store.rest(60600);
    await store.quarantine(60600, WHY);
    expect(store.read()).toEqual({ rested: [], quarantined: new Map([[60600, WHY]]) });
  });

  it("across a reboot of the machine", async () => {
    store.rest(60601);
    await store.quarantine(60600, WHY);
    rmSync(join(root, "run"), { recursive: true });
    expect(new LeaseStore(paths).read()).toEqual({ rested: [], quarantined: new Map([[60600, WHY]]) });
  });

  it("and reports when that cannot be saved", async () => {
    writeFileSync(join(root, "var"), "");
    await expect(store.quarantine(60600, WHY)).rejects.toThrow();
  });
});

describe("LeaseStore", () => {
  it("knows nothing before it is first written", () => {
    expect(store.read()).toEqual({ rested: [], quarantined: new Map() });
  });

  it("returns the resting UIDs, the longest unused first, whatever their numbers", () => {
    for (const uid of [60610, 60600, 60601]) store.rest(uid);
    expect(store.read()).toEqual({ rested: [60610, 60600, 60601], quarantined: new Map() });
    store.rest(60610);
    expect(store.read().rested).toEqual([60600, 60601, 60610]);
  });

  it("reads 32,768 UIDs that were all returned twice, and keeps the file short", () => {
    const uids = Array.from({ length: 32_768 }, (_, index) => 65_536 + index);
    const lines = [...uids, ...uids.toReversed(), 65_536].map((uid) => `${String(uid).padStart(10)}\n`);
    mkdirSync(join(root, "run"));
    writeFileSync(paths.rested, lines.join(""));
    const rested = [...uids.slice(1).toReversed(), 65_536];
    expect(store.read().rested).toEqual(rested);
    expect(readFileSync(paths.rested, "utf8").split("\n")).toHaveLength(32_768 + 1);
    expect(store.read().rested).toEqual(rested);
  });

  it.each(["     606", "     60602", "garbage"])("writes over a partial write (%j)", (half) => {
    store.rest(60600);
    appendFileSync(paths.rested, half);
    expect(store.read().rested).toEqual([60600]);
    store.rest(60601);
    expect(store.read().rested).toEqual([60600, 60601]);
  });

  describe("imports what earlier versions stored in a file for each UID", () => {
    const entry = (uid: number, text: string) => {
      mkdirSync(paths.restedEarlier, { recursive: true });
      writeFileSync(join(paths.restedEarlier, String(uid)), text);
    };

    it("in the order of their return, once", () => {
      for (const [uid, at] of [
        [60602, 7],
        [60600, 9],
        [60601, 8],
      ] as const)
        entry(uid, JSON.stringify({ uid, at }));
      expect(store.read().rested).toEqual([60602, 60601, 60600]);
      store.rest(60602);
      expect(existsSync(paths.restedEarlier)).toBe(false);
      expect(new LeaseStore(paths).read().rested).toEqual([60601, 60600, 60602]);
    });

    it("except what was written since", () => {
      store.rest(65536);
      entry(60600, '{"uid":60600,"at":5}');
      expect(store.read().rested).toEqual([65536]);
    });

    it.each(["}{", "", "null", '{"uid":60600}', '{"uid":60600,"at":"5"}'])(
      "and takes one of unknown time for the longest unused (%j)",
      (text) => {
        entry(60601, '{"uid":60601,"at":5}');
        entry(60600, text);
        expect(store.read()).toEqual({ rested: [60600, 60601], quarantined: new Map() });
      },
    );
  });

  it("takes the last entry of a UID", async () => {
    store.rest(60600);
    store.rest(60601);
    await store.quarantine(60600, WHY);
    expect(store.read()).toEqual({ rested: [60601], quarantined: new Map([[60600, WHY]]) });
    await store.quarantine(60600, { ...WHY, reason: "files: /tmp/x" });
    expect(store.read().quarantined.get(60600)?.reason).toBe("files: /tmp/x");
    store.rest(60600);
    expect(store.read()).toEqual({ rested: [60601, 60600], quarantined: new Map() });
    expect(readdirSync(paths.quarantined)).toEqual([]);
  });

  it("does not take an empty reason for none", async () => {
    await store.quarantine(60600, { reason: "", user: "" });
    expect(store.read()).toEqual({ rested: [], quarantined: new Map([[60600, { reason: "", user: "" }]]) });
  });

  it("ignores partial writes and other files", async () => {
    store.rest(60600);
    await store.quarantine(60602, WHY);
    mkdirSync(paths.restedEarlier);
    for (const path of [paths.restedEarlier, paths.quarantined])
      for (const name of ["60601.new", "notes", "-5", "6e4"]) writeFileSync(join(path, name), "{");
    expect(store.read()).toEqual({ rested: [60600], quarantined: new Map([[60602, WHY]]) });
  });

  it("is readable only for root", async () => {
    store.rest(60600);
    await store.quarantine(60600, WHY);
    for (const path of [dirname(paths.rested), paths.quarantined]) expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const file of [paths.rested, join(paths.quarantined, "60600")])
      expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(paths.quarantined, "60600"), "utf8"))).toEqual({ uid: 60600, ...WHY });
  });
});
