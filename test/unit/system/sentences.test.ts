import { describe, expect, it } from "vitest";
import { boundSentences, quoteName } from "../../../src/system/sentences.ts";

describe("a name chosen by a guest", () => {
  it("is escaped: it ends no line, quotation or bracket, and differs from every other", () => {
    expect(quoteName("a\n\"b'\\\u001b[2J\u007f")).toBe("a\\x0a\\x22b\\x27\\x5c\\x1b[2J\\x7f");
    expect(quoteName("sh) holds nothing (")).toBe("sh\\x29 holds nothing \\x28");
    expect(quoteName(Buffer.from([0xff, 0x00, 0x61]))).toBe("\\xff\\x00a");
    expect(quoteName("\\x0a")).not.toBe(quoteName("\n"));
    expect(quoteName("plain-name_1.txt")).toBe("plain-name_1.txt");
  });

  it("is shortened, counted and printable wherever it comes from", () => {
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
