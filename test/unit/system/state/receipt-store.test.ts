// Stored receipts, clean and unclean, and what remains of them after a power cut at any moment.
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
import { ReceiptStore } from "../../../../src/system/state/receipt-store.ts";
import { clean } from "../../../helpers/play.ts";
import { ENDING_SESSION } from "../../../helpers/samples.ts";

const PLACES = ["clean", "dirty", "."] as const;

let root: string;
let store: ReceiptStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-receipts-"));
  store = new ReceiptStore(root);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const names = (directory: string) =>
  existsSync(join(root, directory)) ? readdirSync(join(root, directory)).sort() : [];
const files = () => PLACES.map((place) => names(place).filter((name) => name.endsWith(".json")));
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
const dirty = (id: string, closedAt?: number): Receipt => ({ ...receipt(id, closedAt), left: ["files: /tmp/x"] });
const idsOf = (receipts: readonly Receipt[]) => receipts.map(({ id }) => id);

describe("clean receipts", () => {
  it("contain later findings and the time when nothing was left", async () => {
    await store.keep({ ...receipt("a"), unseen: ["/tmp"] }, 10);
    await store.amend("a", (before) => addFoundLater(addFoundLater(before, "files: x"), "files: x"));
    expect(store.find("a")).toMatchObject({ left: [], unseen: ["/tmp"], foundLater: ["files: x"], clearedAt: 0 });
    await store.amend("a", (before) => clear(before, 7));
    expect(store.find("a")).toMatchObject({ unseen: [], foundLater: ["files: x"], clearedAt: 7 });
    await store.amend("a", (before) => addFoundLater(before, "files: y"));
    expect(store.find("a")).toMatchObject({ foundLater: ["files: x", "files: y"], clearedAt: 0 });
  });

  it("that are gone, or of unknown sessions, are not created by later findings", async () => {
    for (const id of ["gone", "", "../x"]) await store.amend(id, (before) => before);
    expect(await store.list()).toEqual([]);
  });

  it("of an earlier version lack later findings and terms of use", async () => {
    await store.keep(receipt("a"), 10);
    const { unseen: _, foundLater: __, clearedAt: ___, terms: ____, acceptedAt: _____, ...old } = receipt("a");
    put("clean", "a.json", JSON.stringify(old));
    expect(store.find("a")).toEqual(receipt("a"));
  });

  it("are found by session, and listed newest first", async () => {
    for (const [id, closedAt] of [
      ["a", 5],
      ["c", 30],
      ["b", 7],
    ] as const)
      await store.keep(receipt(id, closedAt), 10);
    expect((await store.list()).map(({ id }) => id)).toEqual(["c", "b", "a"]);
    expect(store.find("b")).toEqual(receipt("b", 7));
    expect(store.find("d")).toBeUndefined();
  });

  it("are stored though an older one cannot be removed", async () => {
    // Directories that root has put there.
    for (const id of ["old", "older"]) mkdirSync(join(root, "clean", `${id}.json`, "there"), { recursive: true });
    await store.keep(receipt("new"), 1);
    expect(store.find("new")).toEqual(receipt("new"));
    expect(names("clean")).toEqual(["new.json", "old.json", "older.json"]);
  });

  it("survive a restart, and a session's last one counts", async () => {
    await store.keep(receipt("a"), 10);
    await store.keep(dirty("a"), 10);
    expect(new ReceiptStore(root).find("a")?.left).toEqual(["files: /tmp/x"]);
    expect(files()).toEqual([[], ["a.json"], []]);
    await store.keep(receipt("a"), 10);
    expect(await new ReceiptStore(root).list()).toEqual([receipt("a")]);
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
    ["one of an unknown type", changed({ leased: "yes" })],
    ["one with invalid classes", changed({ swept: [null] })],
    ["one with a class without a count", changed({ swept: [{ kind: "files", found: "1", removed: 0, left: [] }] })],
    ["one with a non-text leftover", changed({ left: [5] })],
  ])("that are invalid are ignored: %s", async (_, text) => {
    await store.keep(receipt("good"), 10);
    put("clean", "bad.json", text);
    expect(store.find("bad")).toBeUndefined();
    expect((await store.list()).map(({ id }) => id)).toEqual(["good"]);
  });

  it("are read as they were written", () => {
    put("clean", "bad.json", good);
    expect(store.find("bad")).toEqual(receipt("bad"));
  });

  const writtenAt = (id: string, second: number) => {
    utimesSync(join(root, `clean/${id}.json`), second, second);
  };
  const keepAll = async (count: number, keep: number) => {
    for (let index = 0; index < count; index++) {
      await store.keep(receipt(`r${index}`), keep);
      if (existsSync(join(root, `clean/r${index}.json`))) writtenAt(`r${index}`, 1_000 + index);
    }
  };

  it("are deleted, oldest first, beyond the limit", async () => {
    await keepAll(13, 10);
    expect(await store.list()).toHaveLength(11);
    expect(store.find("r0")).toBeUndefined();
    expect(store.find("r12")?.id).toBe("r12");
    await keepAll(1, 1000);
    expect(await store.list()).toHaveLength(12);
  });

  it("are never deleted before the newest, even with a limit of one", async () => {
    await keepAll(3, 1);
    expect(names("clean")).toEqual(["r2.json"]);
  });

  it("are never deleted before the newest, even if others have later dates", async () => {
    await keepAll(3, 1000);
    for (const index of [0, 1, 2]) writtenAt(`r${index}`, 4_000_000_000 + index);
    await store.keep(receipt("late"), 2);
    expect(names("clean")).toEqual(["late.json", "r2.json"]);
    writtenAt("r2", 4_000_000_000);
    await store.keep(receipt("later"), 1);
    expect(names("clean")).toEqual(["later.json"]);
  });

  it("do not count files that root has put beside them, which stay", async () => {
    for (const name of ["NOTES.json", "kept-1.json", "readme"]) put("clean", name, "{}");
    await keepAll(3, 1);
    expect(names("clean")).toEqual(["NOTES.json", "kept-1.json", "r2.json", "readme"]);
    expect((await store.list()).map(({ id }) => id)).toEqual(["r2"]);
  });

  it("are plain JSON, one file each, readable only for root", async () => {
    await store.keep(receipt("a"), 10);
    expect(JSON.parse(readFileSync(join(root, "clean/a.json"), "utf8"))).toEqual(receipt("a"));
    expect(statSync(join(root, "clean")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "clean/a.json")).mode & 0o777).toBe(0o600);
  });

  it("do not exist for an id that would be a path", async () => {
    await expect(store.keep(receipt("a/b"), 10)).rejects.toThrow(/not a session's id/);
    expect(store.find("../../etc/passwd")).toBeUndefined();
  });

  it("do not exist before the first is written", async () => {
    store.recover();
    expect(await store.list()).toEqual([]);
    expect(names(".")).toEqual([]);
  });
});

describe("unclean receipts", () => {
  const writtenInOrder = async (receipts: readonly Receipt[], keep: number) => {
    for (const [index, one] of receipts.entries()) {
      await store.keep(one, keep);
      for (const place of PLACES) {
        const file = join(root, place, `${one.id}.json`);
        if (existsSync(file)) utimesSync(file, 1_000 + index, 1_000 + index);
      }
    }
  };
  const many = (count: number) => Array.from({ length: count }, (_, index) => receipt(`r${index}`, 3_000 + index));

  it("are not displaced by any number of clean ones", async () => {
    await writtenInOrder([dirty("d0"), dirty("d1"), ...many(9)], 2);
    expect(idsOf(await store.list())).toEqual(["r8", "r7", "d0", "d1"]);
  });

  it("displace no clean one, and are deleted, oldest first, beyond their own limit", async () => {
    await writtenInOrder([...many(2), ...[0, 1, 2, 3].map((index) => dirty(`d${index}`, 5_000 + index))], 2);
    expect(idsOf(await store.list())).toEqual(["d3", "d2", "r1", "r0"]);
  });

  it("include those that a later look has found unclean, and stay when a look finds nothing left", async () => {
    await writtenInOrder([receipt("a"), dirty("b")], 1);
    await store.amend("a", (before) => addFoundLater(before, "files: x"));
    expect(files()).toEqual([[], ["a.json", "b.json"], []]);
    await store.amend("a", (before) => clear(before, 7));
    expect(files()).toEqual([[], ["a.json", "b.json"], []]);
    // Receipts updated by later looks count, too.
    await writtenInOrder(many(1), 1);
    expect(idsOf(await store.list())).toEqual(["r0", "a"]);
  });

  it("become clean ones when a later look finds nothing, which displaces no other receipt", async () => {
    await store.keep({ ...receipt("a"), unseen: ["/tmp"] }, 10);
    await store.amend("a", (before) => clear(before, 7));
    expect(files()).toEqual([["a.json"], [], []]);
  });
});

describe("a power cut", () => {
  const FOUND = addFoundLater(receipt("a"), "files: x");

  it("between the two directories loses no receipt, shows none twice, and keeps the later findings", async () => {
    put("clean", "a.json", JSON.stringify(receipt("a")));
    put("dirty", "a.json", JSON.stringify(FOUND));
    expect([store.find("a"), await store.list()]).toEqual([FOUND, [FOUND]]);
    store.recover();
    expect(files()).toEqual([[], ["a.json"], []]);
    expect([store.find("a"), await store.list()]).toEqual([FOUND, [FOUND]]);
  });

  it("before the first is written keeps the old one", async () => {
    put("clean", "a.json", JSON.stringify(receipt("a")));
    put("dirty", "a.json.new", "{");
    store.recover();
    expect([await store.list(), names("dirty")]).toEqual([[receipt("a")], []]);
  });

  it("that left garbage in one directory keeps the other", async () => {
    put("clean", "a.json", JSON.stringify(receipt("a")));
    put("dirty", "a.json", "");
    store.recover();
    expect([store.find("a"), await store.list()]).toEqual([receipt("a"), [receipt("a")]]);
  });
});

describe("receipts of an earlier version, in one directory", () => {
  beforeEach(() => {
    for (const one of [receipt("a"), dirty("b")]) put(".", `${one.id}.json`, JSON.stringify(one));
    for (const name of ["NOTES.json", "readme"]) put(".", name, "{}");
    put(".", "c.json.new", "{");
  });

  it("are each moved to their directory at a start, once, and files of root stay", async () => {
    for (const _ of ["first", "second"]) {
      store.recover();
      expect(files()).toEqual([["a.json"], ["b.json"], ["NOTES.json"]]);
      expect(idsOf(await store.list()).sort()).toEqual(["a", "b"]);
    }
    expect(names(".")).toEqual(["NOTES.json", "clean", "dirty", "readme"]);
  });

  it("do not replace newer ones", async () => {
    await store.amend("a", (before) => addFoundLater(before, "files: x"));
    put(".", "a.json", JSON.stringify(receipt("a")));
    expect(store.find("a")?.foundLater).toEqual(["files: x"]);
    store.recover();
    expect(files()).toEqual([[], ["a.json", "b.json"], ["NOTES.json"]]);
    expect(store.find("a")?.foundLater).toEqual(["files: x"]);
  });

  it("are found before that", async () => {
    expect([store.find("b"), idsOf(await store.list())]).toEqual([dirty("b"), ["a", "b"]]);
  });
});
