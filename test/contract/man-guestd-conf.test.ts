// guestd.conf(5) has all keys, and every error of a file.
import { describe, expect, it } from "vitest";
import { formatConfigError, parseConfig } from "../../src/config/parse.ts";
import { MOST_TERMS_BYTES } from "../../src/config/terms.ts";
import { listKeys } from "../../src/config/schema.ts";
import { cut, readItems, readNumber, readPage, termsOf } from "../helpers/man.ts";

const PAGE = "guestd.conf.5";
const FILE = "/etc/guestd/guestd.conf.d/lab.conf";

const rows = listKeys().map((row) => ({ ...row, title: `[${row.section}] ${row.name}` }));
const items = readItems(PAGE).filter(({ section }) => section === "OPTIONS");
const itemOf = (section: string, name: string) =>
  items.find(({ part, terms }) => part === `[${section}]` && terms[0]?.startsWith(`${name}=`));

function readErrors(text: string): string[] {
  const result = parseConfig([{ path: FILE, text }]);
  return result.ok ? [] : result.errors.map(formatConfigError);
}

/** Sentences in code. # stands for variable parts. */
const sentencesOf = (code: string, before: string) =>
  [...code.matchAll(new RegExp(`${before}(?:"([^"]*)"|\`([^\`]*)\`)`, "g"))].map(
    ([, text, template = ""]) => text ?? template.replace(/\$\{[^}]*\}(?:\.join\([^)]*\)\})?/g, "#"),
  );

describe("guestd.conf(5)", () => {
  it("has every key of the table, in its section and order, and no other", () => {
    const keys = items.map(({ part, terms }) => `${part} ${terms.map((term) => term.replace(/=.*/, "")).join(" ")}`);
    expect(keys).toEqual(rows.map(({ title }) => title));
  });

  it.each(rows)("has help and default of $title", ({ section, name, key }) => {
    const text = itemOf(section, name)?.text ?? "";
    expect(text.startsWith(key.help), text).toBe(true);
    expect(text.endsWith(` Default: ${key.initial === "" ? "empty" : key.initial}`), text).toBe(true);
  });

  it.each(rows)("has the values of $title, where they are some words or numbers", ({ section, name, key }) => {
    const { terms, text } = itemOf(section, name) ?? { terms: [""], text: "" };
    const [, choices] = /^one of (.*)$/.exec(key.type.expected) ?? [];
    if (choices !== undefined) expect(terms[0]).toBe(`${name}=${choices.replaceAll(", ", "|")}`);
    for (const [bounds] of key.type.expected.matchAll(/from \d+ to \d+|at most \d+|or 0 for never/g))
      expect(text.toLowerCase()).toContain(bounds.replace(" for never", ""));
  });

  it.each(rows)(
    "is right that an invalid value of $title is refused, with what was expected",
    ({ section, name, key }) => {
      const bad = ["no\u0001where", "/../", "/a/../b:", "half", ':,"', "-1"].find(
        (text) => key.type.parse(text) === undefined,
      );
      expect(bad, "a bad value").toBeDefined();
      expect(readErrors(`[${section}]\n${name}=${String(bad)}\n`)).toEqual([
        expect.stringContaining(`: expected ${key.type.expected}`),
      ]);
    },
  );
});

describe("EXAMPLES in guestd.conf(5)", () => {
  const examples = [...cut(`packaging/man/${PAGE}`, ".SH EXAMPLES", ".SH ").matchAll(/^\.RS\n(\[.*?)^\.RE$/gms)].map(
    ([, text = ""]) => text,
  );

  it("has several", () => {
    expect(examples.length).toBeGreaterThan(2);
  });

  it.each(examples)("is a good configuration:\n%s", (text) => {
    const result = parseConfig([{ path: FILE, text }]);
    expect(result).toMatchObject({ ok: true });
    expect(result.ok && result.settings.filter(({ origin }) => origin !== "default").length).toBe(
      text.match(/^\w+(?:\[\w+\])?=/gm)?.length,
    );
  });
});

describe("WHEN IT FAILS in guestd.conf(5)", () => {
  const isOfTerms = (term: string) => term.includes(" Terms=PATH: ");
  const terms = termsOf(PAGE, "WHEN IT FAILS").filter((term) => !isOfTerms(term));

  it("has every error of a line or a file, and no other", () => {
    const lines = sentencesOf(cut("src/config/parse.ts", "function readFile", "\n}\n"), "fail\\(");
    const values = sentencesOf(cut("src/config/parse.ts", "function assign", "\n}\n"), "message: ");
    const files = sentencesOf(cut("src/config/root-file.ts", "function findFileFault", "\n}\n"), "(?:return|\\?) ");
    const missing = sentencesOf(cut("src/config/load.ts", "export function loadFiles", "\n}\n"), "message: ");
    expect([lines.length, values.length, files.length, missing.length]).toEqual([5, 1, 4, 1]);
    const ends = (sentence: string) =>
      new RegExp(`: ${sentence.replace(/[[\](){}.*+?^$|\\]/g, "\\$&").replaceAll("#", ".+")}$`);
    for (const sentence of [...lines, ...values, ...files, ...missing])
      expect(
        terms.filter((term) => ends(sentence).test(term)),
        sentence,
      ).toHaveLength(1);
    expect(terms).toHaveLength(11);
    expect(readPage(PAGE)).toContain(
      `is larger than ${readNumber("src/config/root-file.ts", "MAX_BYTES") / 1024 ** 2} MiB`,
    );
  });

  it("has every further error of a file of Terms=, and no other", () => {
    const code = cut("src/config/terms.ts", "function readTermsFile", "\u0000");
    const sentences = sentencesOf(code, "(?:message: |return |[?:] )").filter((text) => text.includes(" "));
    const found = termsOf(PAGE, "WHEN IT FAILS")
      .filter(isOfTerms)
      .map((term) => term.replace(/^.* Terms=PATH: /, ""));
    const named = sentences.map((sentence) => sentence.replaceAll("#", "PATH").replace("than PATH KiB", "than 8 KiB"));
    expect(found.sort()).toEqual(named.sort());
    expect(MOST_TERMS_BYTES).toBe(8 * 1024);
  });

  it("shows what is printed for its example", () => {
    const [, example = "", printed = ""] =
      /\.nf\n\.RS\n(\[.*?)\.RE\n\.fi\n.*?\.nf\n\.RS\n(.*?)\.RE\n\.fi\n/s.exec(
        cut(`packaging/man/${PAGE}`, '.SH "WHEN IT FAILS"', ".SH "),
      ) ?? [];
    expect(example).not.toBe("");
    expect(printed.replaceAll("\\\n", "").trim().split("\n")).toEqual(readErrors(example));
  });
});
