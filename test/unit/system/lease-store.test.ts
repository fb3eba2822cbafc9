import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LeaseStore } from "../../../src/system/lease-store.ts";

let root: string;
let directory: string;
let store: LeaseStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-leases-"));
  directory = join(root, "run/leases");
  store = new LeaseStore(directory);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("LeaseStore keeps a uid back", () => {
  it.each([
    ["garbage", "}{"],
    ["an empty file", ""],
    ["half an entry", '{"uid":60600,"at"'],
    ["null", "null"],
    ["a list", "[]"],
    ["another uid's entry", '{"uid":60601,"at":5}'],
    ["an entry without a time", '{"uid":60600}'],
    ["text for a time", '{"uid":60600,"at":"5"}'],
    ["a time that is none", '{"uid":60600,"at":null}'],
    ["a reason that is no text", '{"uid":60600,"at":5,"quarantine":false}'],
    ["a reason that is null", '{"uid":60600,"at":5,"quarantine":null}'],
  ])("of which it finds %s", (_, text) => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "60600"), text);
    const { rested, quarantined } = store.read();
    expect(rested).toEqual([]);
    expect([...quarantined.keys()]).toEqual([60600]);
    expect(quarantined.get(60600)).toContain("cannot be read");
  });

  it("for which there is a directory in the place of a file", () => {
    mkdirSync(join(directory, "60600"), { recursive: true });
    expect([...store.read().quarantined.keys()]).toEqual([60600]);
  });
});

describe("LeaseStore", () => {
  it("knows nothing before anything was written", () => {
    expect(store.read()).toEqual({ rested: [], quarantined: new Map() });
  });

  it("gives back the uids that rest, the longest unused first, whatever their numbers", () => {
    store.write({ uid: 60601, at: 30 });
    store.write({ uid: 60610, at: 10 });
    store.write({ uid: 60600, at: 20, quarantine: undefined });
    expect(store.read()).toEqual({ rested: [60610, 60600, 60601], quarantined: new Map() });
  });

  it("knows of a uid what was written last", () => {
    store.write({ uid: 60600, at: 10 });
    store.write({ uid: 60601, at: 20 });
    store.write({ uid: 60600, at: 30 });
    expect(store.read().rested).toEqual([60601, 60600]);
    store.write({ uid: 60600, at: 40, quarantine: "process 7 does not end" });
    expect(store.read()).toEqual({ rested: [60601], quarantined: new Map([[60600, "process 7 does not end"]]) });
  });

  it("does not take a reason that is empty for none", () => {
    store.write({ uid: 60600, at: 10, quarantine: "" });
    expect(store.read()).toEqual({ rested: [], quarantined: new Map([[60600, ""]]) });
  });

  it("passes over half of a write, and other files", () => {
    store.write({ uid: 60600, at: 10 });
    writeFileSync(join(directory, "60601.new"), "{");
    writeFileSync(join(directory, "notes"), "");
    expect(store.read()).toEqual({ rested: [60600], quarantined: new Map() });
    store.write({ uid: 60601, at: 20 });
    expect(readdirSync(directory).sort()).toEqual(["60600", "60601", "notes"]);
  });

  it("is nobody else's to read", () => {
    store.write({ uid: 60600, at: 10 });
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, "60600")).mode & 0o777).toBe(0o600);
  });
});
