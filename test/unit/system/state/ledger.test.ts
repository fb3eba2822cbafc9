import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Ledger } from "../../../../src/system/state/ledger.ts";
import { formatRecord, RECORD_VERSION } from "../../../../src/system/state/session-record.ts";
import { recordOf } from "../../../helpers/play.ts";
import { ALLOCATED_SESSION, SESSION as OPEN } from "../../../helpers/samples.ts";

const BOOT = "0b5c7a61-6f6c-4e37-8f7c-6f0bd3a5a0de";
const OTHER_BOOT = "1b5c7a61-6f6c-4e37-8f7c-6f0bd3a5a0de";
const [SESSION, ALLOCATED] = [recordOf(OPEN), recordOf(ALLOCATED_SESSION)];

let root: string;
let ledger: Ledger;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-ledger-"));
  ledger = new Ledger(root, BOOT);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const names = (directory: string) =>
  existsSync(join(root, directory)) ? readdirSync(join(root, directory)).sort() : [];
const put = (directory: string, name: string, text: string) => {
  mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, directory, name), text);
};

describe("the ledger sets aside, without a session,", () => {
  const entry = (change: object) => formatRecord({ ...SESSION, ...change }, BOOT);

  it.each([
    ["garbage", "}{"],
    ["an empty file", ""],
    ["half an entry", entry({}).slice(0, 200)],
    ["null", "null"],
    ["another version", JSON.stringify({ version: RECORD_VERSION + 1, boot: BOOT, session: SESSION })],
    ["another session's entry", entry({ id: "other" })],
    ["an entry with a cgroup of no session", entry({ cgroups: [{ path: "/system.slice", inode: "1" }] })],
    ["an entry without its leader", entry({ leader: undefined })],
    ["an entry without its account", entry({ account: null })],
  ])("%s, and reads the others", async (_, text) => {
    await ledger.enter({ ...SESSION, id: "def" });
    put("open", "abc.json", text);
    const { entries, rejected } = ledger.recover();
    expect(entries.map(({ session }) => session.id)).toEqual(["def"]);
    expect(rejected).toEqual([{ file: join(root, "open/abc.json"), reason: expect.any(String) as string }]);
    expect(names("open")).toEqual(["def.json"]);
    expect(ledger.recover().rejected).toEqual([]);
  });

  it("a partial write, which it removes", async () => {
    await ledger.enter(SESSION);
    put("open", "xyz.json.new", "{");
    expect(ledger.recover().entries).toHaveLength(1);
    expect(names("open")).toEqual(["abc.json"]);
  });

  it("an id that would be a path", async () => {
    await expect(ledger.enter({ ...SESSION, id: "../abc" })).rejects.toThrow(/not a session's id/);
    expect(() => {
      ledger.leave("../../etc/passwd");
    }).toThrow(/not a session's id/);
  });
});

describe("a session in the ledger", () => {
  it("is read as it was entered, with its boot", async () => {
    await ledger.enter(SESSION);
    await ledger.enter(ALLOCATED);
    expect(ledger.recover().entries).toEqual([{ session: ALLOCATED, isOfThisBoot: true }]);
    expect(new Ledger(root, OTHER_BOOT).recover().entries).toEqual([{ session: ALLOCATED, isOfThisBoot: false }]);
  });

  it("belongs to another boot when its boot is unknown", () => {
    put("open", "abc.json", formatRecord(SESSION));
    expect(ledger.recover().entries).toMatchObject([{ isOfThisBoot: false }]);
  });

  it("is removed once, and a missing one is no error", async () => {
    await ledger.enter(SESSION);
    ledger.leave("abc");
    ledger.leave("abc");
    expect(ledger.recover()).toEqual({ entries: [], rejected: [] });
  });

  it("is readable only for root", async () => {
    await ledger.enter(SESSION);
    expect(statSync(join(root, "open")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "open/abc.json")).mode & 0o777).toBe(0o600);
  });

  it("is reported as entered only when it is on disk", async () => {
    put(".", "open", "");
    await expect(ledger.enter(SESSION)).rejects.toThrow();
  });

  it("does not exist before it is first written", () => {
    expect(ledger.recover()).toEqual({ entries: [], rejected: [] });
  });
});
