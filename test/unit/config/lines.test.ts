import { describe, expect, it } from "vitest";
import { readLines, strip } from "../../../src/config/lines.ts";

const read = (text: string) => readLines(text).map(({ text, number }) => `${number}: ${text}`);

describe("readLines", () => {
  it.each<[string, string, string[]]>([
    ["an empty file", "", []],
    ["blank lines", " \n\t\n", []],
    ["comments, also indented ones", "# a\n  ; b\n\t#c", []],
    ["# and ; within a line, which start no comment", "A=b#c\nA=b ; c", ["1: A=b#c", "2: A=b ; c"]],
    ["blanks around a line", " \tA=b \t\nB=c", ["1: A=b", "2: B=c"]],
    ["a Unicode space, which is no blank", "A=b\u00A0", ["1: A=b\u00A0"]],
    ["line ends of Windows and of classic Mac OS", "A=b\r\nC=d\rE=f\r\n", ["1: A=b", "2: C=d", "3: E=f"]],
    ["a byte order mark", "\uFEFFA=b", ["1: A=b"]],
    ["a byte order mark before a comment", "\uFEFF# a\nA=b", ["2: A=b"]],
    ["a continued line", "A=b \\\n  c\nD=e", ["1: A=b    c", "3: D=e"]],
    ["a line continued twice", "A=\\\nb\\\nc", ["1: A= b c"]],
    ["a continued line, with line ends of Windows", "A=b\\\r\nc", ["1: A=b c"]],
    ["comments between the parts of a line", "A=b\\\n# c\n ; d\\\ne", ["1: A=b e"]],
    ["a comment that ends in a backslash", "# a\\\nA=b", ["2: A=b"]],
    ["an empty line after a continued one", "A=b\\\n\nC=d", ["1: A=b", "3: C=d"]],
    ["a continued line at the end of the file", "A=b\\", ["1: A=b"]],
    ["an escaped backslash at the end", "A=b\\\\\nC=d", ["1: A=b\\\\", "2: C=d"]],
    ["an escaped backslash before one that continues", "A=b\\\\\\\nC", ["1: A=b\\\\ C"]],
    ["a blank after a backslash", "A=b\\ \nC=d", ["1: A=b\\", "2: C=d"]],
  ])("reads %s", (_, text, lines) => {
    expect(read(text)).toEqual(lines);
  });
});

describe("strip", () => {
  it.each([
    ["", ""],
    [" \t ", ""],
    [" a b\t", "a b"],
    ["a", "a"],
    ["\u00A0a\u2028", "\u00A0a\u2028"],
  ])("of %j is %j", (text, stripped) => {
    expect(strip(text)).toBe(stripped);
  });

  it("takes linear time in the number of blanks", () => {
    const blanks = " ".repeat(1024 * 1024);
    expect(strip(`${blanks}a${blanks}b${blanks}`)).toBe(`a${blanks}b`);
  });
});
