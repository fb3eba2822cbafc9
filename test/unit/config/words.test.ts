import { describe, expect, it } from "vitest";
import { splitParts, splitWords, unquote } from "../../../src/config/words.ts";

describe("the words of a list", () => {
  it.each<[string, string[]]>([
    ["", []],
    [" \t ", []],
    ["a", ["a"]],
    [" a  b\tc ", ["a", "b", "c"]],
    ['"a b" c', ["a b", "c"]],
    ["'a b' c", ["a b", "c"]],
    ['""', [""]],
    ["'' a", ["", "a"]],
    // The quotes of one kind mean nothing within the other.
    [`"it's" 'say "a b"'`, ["it's", 'say "a b"']],
    // Quotes may begin and end within a word.
    ['/srv/"a b"/c', ["/srv/a b/c"]],
    [`"a"'b'c`, ["abc"]],
    // A backslash takes the meaning of the next character away, in quotes as well.
    ["a\\ b", ["a b"]],
    ["a\\\tb", ["a\tb"]],
    ["\\\"a \\'b", ['"a', "'b"]],
    ["a\\\\b", ["a\\b"]],
    ['"a\\"b"', ['a"b']],
    ["'a\\'b'", ["a'b"]],
    ["a\\#b", ["a#b"]],
    ["a#b ;c", ["a#b", ";c"]],
    // Blanks are spaces and tabs, and nothing else.
    ["a\u00A0b", ["a\u00A0b"]],
    ["Gäste 客人", ["Gäste", "客人"]],
  ])("%j are %j", (text, words) => {
    expect(splitWords(text)?.map(unquote)).toEqual(words);
  });

  it.each(['"', "'", 'a "b', "a 'b", "it's", '"a\\"', "a\\", "\\", "a\\nb", "a\\x20b", "a\\sb", '"a\\tb"', "a\\1"])(
    "%j are none",
    (text) => {
      expect(splitWords(text)).toBeUndefined();
    },
  );

  it("keep their quotes until they are read, so that they can be written down again", () => {
    expect(splitWords(`"a b"  c\\ d 'e'`)).toEqual(['"a b"', "c\\ d", "'e'"]);
  });

  it("can be many, and in many quotes", () => {
    const text = `"a b" c'd e' `.repeat(100_000);
    expect(splitWords(text)).toHaveLength(200_000);
    expect(splitWords(`${text}"`)).toBeUndefined();
  });
});

describe("the parts of a word", () => {
  it.each<[string, string[]]>([
    ["", [""]],
    ["a", ["a"]],
    ["a:b:c", ["a", "b", "c"]],
    [":a::b:", ["", "a", "", "b", ""]],
    ['"a:b":c', ["a:b", "c"]],
    ["a\\:b:c", ["a:b", "c"]],
    [`"a:'"'":b'`, [`a:'":b`]],
  ])("%j are %j", (word, parts) => {
    expect(splitParts(word).map(unquote)).toEqual(parts);
  });
});
