import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeReceipt } from "../../../../src/policy/make-receipt.ts";
import type { Receipt } from "../../../../src/policy/receipt.ts";
import { addFoundLater, clear, NOTHING_FOUND } from "../../../../src/policy/receipt.ts";
import { Ledger } from "../../../../src/system/state/ledger.ts";
import { formatRecord, RECORD_VERSION } from "../../../../src/system/state/session-record.ts";
import { clean, recordOf } from "../../../helpers/play.ts";
import { ALLOCATED_SESSION, ENDING_SESSION, SESSION as OPEN } from "../../../helpers/samples.ts";

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
const receipt = (id: string, closedAt = 2_000): Receipt => ({
  ...makeReceipt({ ...ENDING_SESSION, id, found: { ...NOTHING_FOUND, swept: clean("processes") } }, [], {
    now: closedAt,
    uptime: 9_000,
  }),
});

describe("the ledger sets aside, and makes no session of,", () => {
  const entry = (change: object) => formatRecord({ ...SESSION, ...change }, BOOT);

  it.each([
    ["garbage", "}{"],
    ["an empty file", ""],
    ["half an entry", entry({}).slice(0, 200)],
    ["null", "null"],
    ["another version", JSON.stringify({ version: RECORD_VERSION + 1, boot: BOOT, session: SESSION })],
    ["another session's entry", entry({ id: "other" })],
    ["an entry with a cgroup that is no session's", entry({ cgroups: [{ path: "/system.slice", inode: "1" }] })],
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

  it("half of a write, which it removes, of entries and of receipts", async () => {
    await ledger.enter(SESSION);
    await ledger.keepReceipt(receipt("def"), 10);
    put("open", "xyz.json.new", "{");
    put("receipts", "xyz.json.new", "{");
    expect(ledger.recover().entries).toHaveLength(1);
    expect([names("open"), names("receipts")]).toEqual([["abc.json"], ["def.json"]]);
  });

  it("an id that would be a path", async () => {
    await expect(ledger.enter({ ...SESSION, id: "../abc" })).rejects.toThrow(/not a session's id/);
    await expect(ledger.keepReceipt(receipt("a/b"), 10)).rejects.toThrow(/not a session's id/);
    expect(() => {
      ledger.leave("../../etc/passwd");
    }).toThrow(/not a session's id/);
    expect(ledger.find("../../etc/passwd")).toBeUndefined();
  });
});

describe("a session in the ledger", () => {
  it("is known as it was entered, and of which boot", async () => {
    await ledger.enter(SESSION);
    await ledger.enter(ALLOCATED);
    expect(ledger.recover().entries).toEqual([{ session: ALLOCATED, isOfThisBoot: true }]);
    expect(new Ledger(root, OTHER_BOOT).recover().entries).toEqual([{ session: ALLOCATED, isOfThisBoot: false }]);
  });

  it("is of another boot when nobody says of which it is", () => {
    put("open", "abc.json", formatRecord(SESSION));
    expect(ledger.recover().entries).toMatchObject([{ isOfThisBoot: false }]);
  });

  it("leaves it once, and that it is gone already is no error", async () => {
    await ledger.enter(SESSION);
    ledger.leave("abc");
    ledger.leave("abc");
    expect(ledger.recover()).toEqual({ entries: [], rejected: [] });
  });

  it("is nobody else's to read", async () => {
    await ledger.enter(SESSION);
    await ledger.keepReceipt(receipt("abc"), 10);
    for (const [directory, file] of [
      ["open", "abc.json"],
      ["receipts", "abc.json"],
    ] as const) {
      expect(statSync(join(root, directory)).mode & 0o777).toBe(0o700);
      expect(statSync(join(root, directory, file)).mode & 0o777).toBe(0o600);
    }
  });

  it("is said to be entered only when it is", async () => {
    put(".", "open", "");
    await expect(ledger.enter(SESSION)).rejects.toThrow();
  });

  it("is none before anything was written", () => {
    expect(ledger.recover()).toEqual({ entries: [], rejected: [] });
    expect(ledger.list()).toEqual([]);
  });
});

describe("receipts", () => {
  it("say what later looks have found, and since when nothing is left", async () => {
    await ledger.keepReceipt({ ...receipt("a"), unseen: ["/tmp"] }, 10);
    await ledger.amend("a", (before) => addFoundLater(addFoundLater(before, "files: x"), "files: x"));
    expect(ledger.find("a")).toMatchObject({ left: [], unseen: ["/tmp"], foundLater: ["files: x"], clearedAt: 0 });
    await ledger.amend("a", (before) => clear(before, 7));
    expect(ledger.find("a")).toMatchObject({ unseen: [], foundLater: ["files: x"], clearedAt: 7 });
    await ledger.amend("a", (before) => addFoundLater(before, "files: y"));
    expect(ledger.find("a")).toMatchObject({ foundLater: ["files: x", "files: y"], clearedAt: 0 });
  });

  it("that are kept no more, or of no session, are not made by it", async () => {
    for (const id of ["gone", "", "../x"]) await ledger.amend(id, (before) => before);
    expect(ledger.list()).toEqual([]);
  });

  it("of an earlier version say nothing of later looks", async () => {
    await ledger.keepReceipt(receipt("a"), 10);
    const { unseen: _, foundLater: __, clearedAt: ___, ...old } = receipt("a");
    put("receipts", "a.json", JSON.stringify(old));
    expect(ledger.find("a")).toEqual(receipt("a"));
  });

  it("are found by their session, and listed with the last one first", async () => {
    for (const [id, closedAt] of [
      ["a", 5],
      ["c", 30],
      ["b", 7],
    ] as const)
      await ledger.keepReceipt(receipt(id, closedAt), 10);
    expect(ledger.list().map(({ id }) => id)).toEqual(["c", "b", "a"]);
    expect(ledger.find("b")).toEqual(receipt("b", 7));
    expect(ledger.find("d")).toBeUndefined();
  });

  it("are kept though an older one cannot be taken away", async () => {
    // What root has put in its place.
    for (const id of ["old", "older"]) mkdirSync(join(root, "receipts", `${id}.json`, "there"), { recursive: true });
    await ledger.keepReceipt(receipt("new"), 1);
    expect(ledger.find("new")).toEqual(receipt("new"));
    expect(names("receipts")).toEqual(["new.json", "old.json", "older.json"]);
  });

  it("outlive a start, and the last one of a session is the one that counts", async () => {
    await ledger.keepReceipt(receipt("a"), 10);
    await ledger.keepReceipt({ ...receipt("a"), left: ["files: /tmp/x"] }, 10);
    expect(new Ledger(root, OTHER_BOOT).find("a")?.left).toEqual(["files: /tmp/x"]);
    expect(names("receipts")).toEqual(["a.json"]);
  });

  const good = JSON.stringify(receipt("bad"));
  const changed = (change: object) => JSON.stringify({ ...receipt("bad"), ...change });
  it.each([
    ["garbage", "}{"],
    ["an empty file", ""],
    ["half of one", good.slice(0, -40)],
    ["null", "null"],
    ["another session's", JSON.stringify(receipt("other"))],
    ["one without seconds", changed({ seconds: undefined })],
    ["one with half a byte", changed({ tmpfsBytes: 0.5 })],
    ["one with less than no time", changed({ closedAt: -1 })],
    ["one whose user is no text", changed({ user: 5 })],
    ["one of nobody knows which sort", changed({ leased: "yes" })],
    ["one whose classes are none", changed({ swept: [null] })],
    ["one whose class has no count", changed({ swept: [{ kind: "files", found: "1", removed: 0, left: [] }] })],
    ["one in which what is left is no text", changed({ left: [5] })],
  ])("that cannot be read are none: %s", async (_, text) => {
    await ledger.keepReceipt(receipt("good"), 10);
    put("receipts", "bad.json", text);
    expect(ledger.find("bad")).toBeUndefined();
    expect(ledger.list().map(({ id }) => id)).toEqual(["good"]);
  });

  it("that can be read are those that were written", () => {
    put("receipts", "bad.json", good);
    expect(ledger.find("bad")).toEqual(receipt("bad"));
  });

  const writtenAt = (id: string, second: number) => {
    utimesSync(join(root, `receipts/${id}.json`), second, second);
  };
  const keepAll = async (count: number, keep: number) => {
    for (let index = 0; index < count; index++) {
      await ledger.keepReceipt(receipt(`r${index}`), keep);
      if (existsSync(join(root, `receipts/r${index}.json`))) writtenAt(`r${index}`, 1_000 + index);
    }
  };

  it("go, the oldest first, when there are more than are to be kept", async () => {
    await keepAll(13, 10);
    expect(ledger.list()).toHaveLength(11);
    expect(ledger.find("r0")).toBeUndefined();
    expect(ledger.find("r12")?.id).toBe("r12");
    await keepAll(1, 1000);
    expect(ledger.list()).toHaveLength(12);
  });

  it("never go before the one that was just written, be it but one that is kept", async () => {
    await keepAll(3, 1);
    expect(names("receipts")).toEqual(["r2.json"]);
  });

  it("never go before the one that was just written, though the others say that they are of later", async () => {
    await keepAll(3, 1000);
    for (const index of [0, 1, 2]) writtenAt(`r${index}`, 4_000_000_000 + index);
    await ledger.keepReceipt(receipt("late"), 2);
    expect(names("receipts")).toEqual(["late.json", "r2.json"]);
    writtenAt("r2", 4_000_000_000);
    await ledger.keepReceipt(receipt("later"), 1);
    expect(names("receipts")).toEqual(["later.json"]);
  });

  it("are counted without what root has put beside them, which stays", async () => {
    for (const name of ["NOTES.json", "kept-1.json", "readme"]) put("receipts", name, "{}");
    await keepAll(3, 1);
    expect(names("receipts")).toEqual(["NOTES.json", "kept-1.json", "r2.json", "readme"]);
    expect(ledger.list().map(({ id }) => id)).toEqual(["r2"]);
  });

  it("are plain JSON, one file each", async () => {
    await ledger.keepReceipt(receipt("a"), 10);
    expect(JSON.parse(readFileSync(join(root, "receipts/a.json"), "utf8"))).toEqual(receipt("a"));
  });
});
