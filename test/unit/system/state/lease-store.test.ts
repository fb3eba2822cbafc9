import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LeasePaths } from "../../../../src/system/state/lease-store.ts";
import { LeaseStore } from "../../../../src/system/state/lease-store.ts";

let root: string;
let paths: LeasePaths;
let store: LeaseStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-leases-"));
  paths = { rested: join(root, "run/leases"), quarantined: join(root, "var/quarantine") };
  store = new LeaseStore(paths);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const WHY = { reason: "processes: process 7 does not end", user: "guest-aaaa", session: "s1" };

describe("LeaseStore keeps a uid back", () => {
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
  ])("of which it finds %s, and knows no name for it", (_, text) => {
    store.rest(60600);
    mkdirSync(paths.quarantined, { recursive: true });
    writeFileSync(join(paths.quarantined, "60600"), text);
    const { rested, quarantined } = store.read();
    expect(rested).toEqual([]);
    expect([...quarantined]).toEqual([
      [60600, { reason: expect.stringContaining("cannot be read") as string, user: "" }],
    ]);
  });

  it.each(["", ',"session":7', ',"session":null'])("of whose session it is told nothing, or no text (%j)", (more) => {
    mkdirSync(paths.quarantined, { recursive: true });
    writeFileSync(join(paths.quarantined, "60600"), `{"uid":60600,"reason":"x","user":"guest-aaaa"${more}}`);
    expect(store.read().quarantined.get(60600)).toStrictEqual({ reason: "x", user: "guest-aaaa" });
  });

  it("for which there is a directory in the place of a file", () => {
    mkdirSync(join(paths.quarantined, "60600"), { recursive: true });
    expect([...store.read().quarantined.keys()]).toEqual([60600]);
  });

  it("whatever is said of its rest", async () => {
    await store.quarantine(60600, WHY);
    mkdirSync(paths.rested, { recursive: true });
    writeFileSync(join(paths.rested, "60600"), JSON.stringify({ uid: 60600, at: 5 }));
    expect(store.read()).toEqual({ rested: [], quarantined: new Map([[60600, WHY]]) });
  });

  it("over a reboot of the machine", async () => {
    store.rest(60601);
    await store.quarantine(60600, WHY);
    rmSync(join(root, "run"), { recursive: true });
    expect(new LeaseStore(paths).read()).toEqual({ rested: [], quarantined: new Map([[60600, WHY]]) });
  });

  it("and says so when that cannot be written down", async () => {
    writeFileSync(join(root, "var"), "");
    await expect(store.quarantine(60600, WHY)).rejects.toThrow();
  });
});

describe("LeaseStore", () => {
  it("knows nothing before anything was written", () => {
    expect(store.read()).toEqual({ rested: [], quarantined: new Map() });
  });

  it("gives back the uids that rest, the longest unused first, whatever their numbers", () => {
    for (const uid of [60610, 60600, 60601]) store.rest(uid);
    expect(store.read()).toEqual({ rested: [60610, 60600, 60601], quarantined: new Map() });
    store.rest(60610);
    expect(store.read().rested).toEqual([60600, 60601, 60610]);
  });

  it.each(["}{", "", "null", '{"uid":60600}', '{"uid":60600,"at":"5"}'])(
    "takes a uid that rests since nobody knows when for the longest unused (%j)",
    (text) => {
      store.rest(60601);
      writeFileSync(join(paths.rested, "60600"), text);
      expect(store.read()).toEqual({ rested: [60600, 60601], quarantined: new Map() });
    },
  );

  it("knows of a uid what was written last", async () => {
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

  it("does not take a reason that is empty for none", async () => {
    await store.quarantine(60600, { reason: "", user: "" });
    expect(store.read()).toEqual({ rested: [], quarantined: new Map([[60600, { reason: "", user: "" }]]) });
  });

  it("passes over half of a write, and other files", async () => {
    store.rest(60600);
    await store.quarantine(60602, WHY);
    for (const path of Object.values(paths) as string[])
      for (const name of ["60601.new", "notes", "-5", "6e4"]) writeFileSync(join(path, name), "{");
    expect(store.read()).toEqual({ rested: [60600], quarantined: new Map([[60602, WHY]]) });
  });

  it("is nobody else's to read", async () => {
    store.rest(60600);
    await store.quarantine(60600, WHY);
    for (const path of Object.values(paths) as string[]) expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const file of [join(paths.rested, "60600"), join(paths.quarantined, "60600")])
      expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(paths.quarantined, "60600"), "utf8"))).toEqual({ uid: 60600, ...WHY });
  });
});
