// The receipts that are kept, clean ones and others, and what is found of them after a power cut at any instant.
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

describe("clean", () => {
  it("say what later looks have found, and since when nothing is left", async () => {
    await store.keep({ ...receipt("a"), unseen: ["/tmp"] }, 10);
    await store.amend("a", (before) => addFoundLater(addFoundLater(before, "files: x"), "files: x"));
    expect(store.find("a")).toMatchObject({ left: [], unseen: ["/tmp"], foundLater: ["files: x"], clearedAt: 0 });
    await store.amend("a", (before) => clear(before, 7));
    expect(store.find("a")).toMatchObject({ unseen: [], foundLater: ["files: x"], clearedAt: 7 });
    await store.amend("a", (before) => addFoundLater(before, "files: y"));
    expect(store.find("a")).toMatchObject({ foundLater: ["files: x", "files: y"], clearedAt: 0 });
  });

  it("that are kept no more, or of no session, are not made by it", async () => {
    for (const id of ["gone", "", "../x"]) await store.amend(id, (before) => before);
    expect(store.list()).toEqual([]);
  });

  it("of an earlier version say nothing of later looks and of terms of use", async () => {
    await store.keep(receipt("a"), 10);
    const { unseen: _, foundLater: __, clearedAt: ___, terms: ____, acceptedAt: _____, ...old } = receipt("a");
    put("clean", "a.json", JSON.stringify(old));
    expect(store.find("a")).toEqual(receipt("a"));
  });

  it("are found by their session, and listed with the last one first", async () => {
    for (const [id, closedAt] of [
      ["a", 5],
      ["c", 30],
      ["b", 7],
    ] as const)
      await store.keep(receipt(id, closedAt), 10);
    expect(store.list().map(({ id }) => id)).toEqual(["c", "b", "a"]);
    expect(store.find("b")).toEqual(receipt("b", 7));
    expect(store.find("d")).toBeUndefined();
  });

  it("are kept though an older one cannot be taken away", async () => {
    // What root has put in its place.
    for (const id of ["old", "older"]) mkdirSync(join(root, "clean", `${id}.json`, "there"), { recursive: true });
    await store.keep(receipt("new"), 1);
    expect(store.find("new")).toEqual(receipt("new"));
    expect(names("clean")).toEqual(["new.json", "old.json", "older.json"]);
  });

  it("outlive a start, and the last one of a session is the one that counts", async () => {
    await store.keep(receipt("a"), 10);
    await store.keep(dirty("a"), 10);
    expect(new ReceiptStore(root).find("a")?.left).toEqual(["files: /tmp/x"]);
    expect(files()).toEqual([[], ["a.json"], []]);
    await store.keep(receipt("a"), 10);
    expect(new ReceiptStore(root).list()).toEqual([receipt("a")]);
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
    await store.keep(receipt("good"), 10);
    put("clean", "bad.json", text);
    expect(store.find("bad")).toBeUndefined();
    expect(store.list().map(({ id }) => id)).toEqual(["good"]);
  });

  it("that can be read are those that were written", () => {
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

  it("go, the oldest first, when there are more than are to be kept", async () => {
    await keepAll(13, 10);
    expect(store.list()).toHaveLength(11);
    expect(store.find("r0")).toBeUndefined();
    expect(store.find("r12")?.id).toBe("r12");
    await keepAll(1, 1000);
    expect(store.list()).toHaveLength(12);
  });

  it("never go before the one that was just written, be it but one that is kept", async () => {
    await keepAll(3, 1);
    expect(names("clean")).toEqual(["r2.json"]);
  });

  it("never go before the one that was just written, though the others say that they are of later", async () => {
    await keepAll(3, 1000);
    for (const index of [0, 1, 2]) writtenAt(`r${index}`, 4_000_000_000 + index);
    await store.keep(receipt("late"), 2);
    expect(names("clean")).toEqual(["late.json", "r2.json"]);
    writtenAt("r2", 4_000_000_000);
    await store.keep(receipt("later"), 1);
    expect(names("clean")).toEqual(["later.json"]);
  });

  it("are counted without what root has put beside them, which stays", async () => {
    for (const name of ["NOTES.json", "kept-1.json", "readme"]) put("clean", name, "{}");
    await keepAll(3, 1);
    expect(names("clean")).toEqual(["NOTES.json", "kept-1.json", "r2.json", "readme"]);
    expect(store.list().map(({ id }) => id)).toEqual(["r2"]);
  });

  it("are plain JSON, one file each, and nobody else's to read", async () => {
    await store.keep(receipt("a"), 10);
    expect(JSON.parse(readFileSync(join(root, "clean/a.json"), "utf8"))).toEqual(receipt("a"));
    expect(statSync(join(root, "clean")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "clean/a.json")).mode & 0o777).toBe(0o600);
  });

  it("are none of an id that would be a path", async () => {
    await expect(store.keep(receipt("a/b"), 10)).rejects.toThrow(/not a session's id/);
    expect(store.find("../../etc/passwd")).toBeUndefined();
  });

  it("are none before anything was written", () => {
    store.recover();
    expect(store.list()).toEqual([]);
    expect(names(".")).toEqual([]);
  });
});

describe("receipts that are not clean", () => {
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

  it("are not pushed out by any number of clean ones", async () => {
    await writtenInOrder([dirty("d0"), dirty("d1"), ...many(9)], 2);
    expect(idsOf(store.list())).toEqual(["r8", "r7", "d0", "d1"]);
  });

  it("push out no clean one, and go themselves, the oldest first, when there are more of them than are to be kept", async () => {
    await writtenInOrder([...many(2), ...[0, 1, 2, 3].map((index) => dirty(`d${index}`, 5_000 + index))], 2);
    expect(idsOf(store.list())).toEqual(["d3", "d2", "r1", "r0"]);
  });

  it("are those that a later look has found so, and stay so when a look has found nothing left", async () => {
    await writtenInOrder([receipt("a"), dirty("b")], 1);
    await store.amend("a", (before) => addFoundLater(before, "files: x"));
    expect(files()).toEqual([[], ["a.json", "b.json"], []]);
    await store.amend("a", (before) => clear(before, 7));
    expect(files()).toEqual([[], ["a.json", "b.json"], []]);
    // Of those that looks have added, too, no more are kept.
    await writtenInOrder(many(1), 1);
    expect(idsOf(store.list())).toEqual(["r0", "a"]);
  });

  it("are clean ones when a later look has found nothing: that takes no receipt from its place", async () => {
    await store.keep({ ...receipt("a"), unseen: ["/tmp"] }, 10);
    await store.amend("a", (before) => clear(before, 7));
    expect(files()).toEqual([["a.json"], [], []]);
  });
});

describe("a power cut", () => {
  const FOUND = addFoundLater(receipt("a"), "files: x");

  it("between the two directories loses no receipt, shows none twice, and leaves what the later look has found", () => {
    put("clean", "a.json", JSON.stringify(receipt("a")));
    put("dirty", "a.json", JSON.stringify(FOUND));
    expect([store.find("a"), store.list()]).toEqual([FOUND, [FOUND]]);
    store.recover();
    expect(files()).toEqual([[], ["a.json"], []]);
    expect([store.find("a"), store.list()]).toEqual([FOUND, [FOUND]]);
  });

  it("before the first of them is written leaves the one that was there", () => {
    put("clean", "a.json", JSON.stringify(receipt("a")));
    put("dirty", "a.json.new", "{");
    store.recover();
    expect([store.list(), names("dirty")]).toEqual([[receipt("a")], []]);
  });

  it("that has left garbage in one of them leaves the other", () => {
    put("clean", "a.json", JSON.stringify(receipt("a")));
    put("dirty", "a.json", "");
    store.recover();
    expect([store.find("a"), store.list()]).toEqual([receipt("a"), [receipt("a")]]);
  });
});

describe("receipts of an earlier version, in one directory", () => {
  beforeEach(() => {
    for (const one of [receipt("a"), dirty("b")]) put(".", `${one.id}.json`, JSON.stringify(one));
    for (const name of ["NOTES.json", "readme"]) put(".", name, "{}");
    put(".", "c.json.new", "{");
  });

  it("are each put into its place at a start, once, and what root has put beside them stays", () => {
    for (const _ of ["first", "second"]) {
      store.recover();
      expect(files()).toEqual([["a.json"], ["b.json"], ["NOTES.json"]]);
      expect(idsOf(store.list()).sort()).toEqual(["a", "b"]);
    }
    expect(names(".")).toEqual(["NOTES.json", "clean", "dirty", "readme"]);
  });

  it("do not stand in for what was written since", async () => {
    await store.amend("a", (before) => addFoundLater(before, "files: x"));
    put(".", "a.json", JSON.stringify(receipt("a")));
    expect(store.find("a")?.foundLater).toEqual(["files: x"]);
    store.recover();
    expect(files()).toEqual([[], ["a.json", "b.json"], ["NOTES.json"]]);
    expect(store.find("a")?.foundLater).toEqual(["files: x"]);
  });

  it("are known before they are", () => {
    expect([store.find("b"), idsOf(store.list())]).toEqual([dirty("b"), ["a", "b"]]);
  });
});
