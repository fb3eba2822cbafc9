import { describe, expect, it } from "vitest";
import type { Item } from "../../../../src/system/sweep/items.ts";
import { boundSentences, quoteName, sweepItems } from "../../../../src/system/sweep/items.ts";
import { failure } from "../../../helpers/sweep.ts";

/** Things that are there until they are taken away, in a world where some cannot be. */
function world(names: string[], fails: Record<string, Error> = {}) {
  const things = new Set(names);
  const look = (): Item[] =>
    [...things].map((name) => ({
      sentence: name,
      remove: () => {
        if (fails[name] !== undefined) throw fails[name];
        things.delete(name);
      },
    }));
  return { things, look };
}

describe("a class of things that is swept", () => {
  it("is not said to be clean because nothing went wrong: what the second look finds is left", async () => {
    const { look } = world(["a", "b"]);
    const lies = () => look().map(({ sentence }) => ({ sentence, remove: () => undefined }));
    expect(await sweepItems(lies)).toEqual({ found: 2, removed: 0, left: ["a", "b"] });
  });

  it("goes on behind a thing that cannot be taken away, and says why it is left", async () => {
    const { look } = world(["a", "b", "c"], { b: failure("EPERM") });
    expect(await sweepItems(look)).toEqual({ found: 3, removed: 2, left: ["b: EPERM"] });
  });

  it("counts what came between the looks", async () => {
    const { things, look } = world(["a"]);
    const look2 = () => {
      const items = look();
      things.add("late");
      return items;
    };
    expect(await sweepItems(look2)).toEqual({ found: 2, removed: 1, left: ["late"] });
  });

  it("takes what vanished between look and removal for gone, not for failed", async () => {
    const { things, look } = world(["a"]);
    const vanishing = () =>
      look().map(({ sentence }) => ({
        sentence,
        remove: () => (things.delete(sentence), Promise.reject(failure("ENOENT"))),
      }));
    expect(await sweepItems(vanishing)).toEqual({ found: 1, removed: 1, left: [] });
  });

  it("does not say that it removed what somebody else took away", async () => {
    let looks = 0;
    expect(await sweepItems(() => (looks++ === 0 ? [{ sentence: "logind's" }] : []))).toEqual({
      found: 1,
      removed: 0,
      left: [],
    });
  });

  it("is unknown when it cannot be looked at, the second time as well", async () => {
    let looks = 0;
    const look = () => (looks++ === 0 ? [] : Promise.reject(failure("EIO")));
    await expect(sweepItems(look)).rejects.toThrow("EIO");
  });
});

describe("what a guest chose", () => {
  it("can end no line and no quotation, and two names never look alike", () => {
    expect(quoteName("a\n\"b'\\\u001b[2J\u007f")).toBe("a\\x0a\\x22b\\x27\\x5c\\x1b[2J\\x7f");
    expect(quoteName(Buffer.from([0xff, 0x00, 0x61]))).toBe("\\xff\\x00a");
    expect(quoteName("\\x0a")).not.toBe(quoteName("\n"));
    expect(quoteName("plain-name_1.txt")).toBe("plain-name_1.txt");
  });

  it("is cut, counted and printable in what is said, wherever it comes from", () => {
    const [first = "", ...others] = boundSentences([
      "\u202e\n\ud800" + "ä".repeat(500),
      ...Array.from({ length: 40 }, (_, index) => `file ${index}`),
    ]);
    expect(first).toMatch(/^\\xe2\\x80\\xae\\x0a[ -~]*$/);
    expect(first).toHaveLength(300);
    expect(others).toHaveLength(20);
    expect(others.at(-1)).toBe("and more");
    expect(boundSentences(["one"])).toEqual(["one"]);
  });
});
