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
    // Quotes of one kind have no meaning inside the other.
    [`"it's" 'say "a b"'`, ["it's", 'say "a b"']],
    // Quotes may begin and end inside a word.
    ['/srv/"a b"/c', ["/srv/a b/c"]],
    [`"a"'b'c`, ["abc"]],
    // A backslash escapes the next character, also inside quotes.
    ["a\\ b", ["a b"]],
    ["a\\\tb", ["a\tb"]],
    ["\\\"a \\'b", ['"a', "'b"]],
    ["a\\\\b", ["a\\b"]],
    ['"a\\"b"', ['a"b']],
    ["'a\\'b'", ["a'b"]],
    ["a\\#b", ["a#b"]],
    ["a#b ;c", ["a#b", ";c"]],
    // Only spaces and tabs are blanks.
    ["a\u00A0b", ["a\u00A0b"]],
    ["Gäste 客人", ["Gäste", "客人"]],
  ])("of %j are %j", (text, words) => {
    expect(splitWords(text)?.map(unquote)).toEqual(words);
  });

  it.each(['"', "'", 'a "b', "a 'b", "it's", '"a\\"', "a\\", "\\", "a\\nb", "a\\x20b", "a\\sb", '"a\\tb"', "a\\1"])(
    "of %j are invalid",
    (text) => {
      expect(splitWords(text)).toBeUndefined();
    },
  );

  it("keep their quotes until they are read, to be written unchanged", () => {
    expect(splitWords(`"a b"  c\\ d 'e'`)).toEqual(['"a b"', "c\\ d", "'e'"]);
  });

  it("may be many, with many quotes", () => {
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
