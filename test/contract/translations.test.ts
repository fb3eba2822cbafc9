// The template has every text that guests read, and translations are whole. UPDATE=1 writes the template.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NOTICE_TEXTS } from "../../src/config/notice-texts.ts";
import { REFUSALS } from "../../src/policy/refusals.ts";
import { listProjectFiles, PROJECT, readProjectFile } from "../helpers/tree.ts";

const TEMPLATE = "packaging/po/guestd.pot";

const [, ofModule = ""] = /dgettext\(DOMAIN,\s*"([^;]*)"\)/.exec(readProjectFile("pam/hook_common.c")) ?? [];

const TEXTS: readonly (readonly [comment: string, text: string])[] = [
  ...Object.entries(REFUSALS).map(([name, text]) => [`A login is refused: ${name}.`, text] as const),
  ["A login is refused: guestd cannot be asked.", ofModule.replace(/"\s*"/g, "")],
  ...Object.entries(NOTICE_TEXTS).map(([key, text]) => [`The default of ${key}= in [Notice].`, text] as const),
];

const quote = (text: string) => JSON.stringify(text);

const template = [
  "# Texts that guests read. Words in braces are filled in by guestd and stay as they are.",
  'msgid ""',
  'msgstr ""',
  '"Project-Id-Version: guestd\\n"',
  '"Content-Type: text/plain; charset=UTF-8\\n"',
  '"Content-Transfer-Encoding: 8bit\\n"',
  "",
  ...TEXTS.flatMap(([comment, text]) => [`#. ${comment}`, `msgid ${quote(text)}`, 'msgstr ""', ""]),
].join("\n");

/** The package's build has msgfmt check the file. */
function readTranslations(name: string): ReadonlyMap<string, string> {
  const pairs = readProjectFile(name).matchAll(/^msgid ("(?:.*)")\nmsgstr ("(?:.*)")$/gm);
  return new Map(
    [...pairs].map(([, id = "", translated = ""]) => [JSON.parse(id), JSON.parse(translated)] as [string, string]),
  );
}

const gapsOf = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([gap]) => gap).sort();

describe("the translations", () => {
  it("have a template with every text that guests read", () => {
    expect(ofModule).not.toBe("");
    if (process.env["UPDATE"] === "1") writeFileSync(join(PROJECT, TEMPLATE), template);
    expect(readProjectFile(TEMPLATE)).toBe(template);
  });

  const languages = listProjectFiles().filter((name) => /^packaging\/po\/\w+\.po$/.test(name));

  it("are in two languages at least", () => {
    expect(languages.length).toBeGreaterThan(1);
  });

  it.each(languages)("%s translates all of them, and keeps what is filled in", (name) => {
    const catalog = readTranslations(name);
    const texts = TEXTS.map(([, text]) => text);
    expect(texts.filter((text) => (catalog.get(text) ?? "") === "")).toEqual([]);
    expect([...catalog.keys()].filter((text) => text !== "" && !texts.includes(text))).toEqual([]);
    for (const text of texts) expect(gapsOf(catalog.get(text) ?? ""), text).toEqual(gapsOf(text));
  });
});
