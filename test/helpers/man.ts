// The manual pages as a person reads them, and the code's tables that no module exports, for the tests that compare the
// two.
import { expect } from "vitest";
import { readProjectFile } from "./tree.ts";

export const MAN = "packaging/man";
export const PAGES = ["guestctl.1", "guestd-sessions.7", "guestd.8", "guestd.conf.5", "org.guestd1.5", "pam_guest.8"];

export interface Item {
  /** Headings of section and subsection. */
  readonly section: string;
  readonly part: string;
  /** The terms explained: the line after .TP, and those after .TQ. */
  readonly terms: string[];
  text: string;
}

/** A line of man(7) as a person reads it: no fonts, no macros. */
export function plain(line: string): string {
  const escapes: Record<string, string> = { "(aq": "'", "(dq": '"', "(->": "->", "-": "-", "&": "" };
  return line
    .replace(/^\.(B|I|BR|BI|RI|IR|RS|RE|br|nf|fi|PP|IP)\b ?/, "")
    .replace(/\\(f[BIR]|\(aq|\(dq|\(->|-|&)/g, (_, name: string) => escapes[name] ?? "");
}

export const words = (text: string): string =>
  text
    .split(/\s+/)
    .filter((word) => word !== "")
    .join(" ");

/** A line that ends in a backslash continues in the next one. */
const readLines = (page: string) => readProjectFile(`${MAN}/${page}`).replaceAll("\\\n", "").split("\n");

/** The items (.TP) of a page, with their text in one line. */
export function readItems(page: string): Item[] {
  const items: Item[] = [];
  let [section, part, item, expects]: [string, string, Item | undefined, boolean] = ["", "", undefined, false];
  for (const line of readLines(page)) {
    const heading = /^\.(SH|SS) "?([^"]*)"?$/.exec(line);
    if (heading !== null) {
      [section, part] = heading[1] === "SH" ? [heading[2] ?? "", ""] : [section, heading[2] ?? ""];
      item = undefined;
    } else if (line === ".TP" || line === ".TQ") {
      if (line === ".TP" || item === undefined) items.push((item = { section, part, terms: [], text: "" }));
      expects = true;
    } else if (item !== undefined && expects) {
      item.terms.push(words(plain(line)));
      expects = false;
    } else if (item !== undefined) {
      item.text = words(`${item.text} ${plain(line)}`);
    }
  }
  return items;
}

export const termsOf = (page: string, section: string, part?: string): string[] =>
  readItems(page)
    .filter((item) => item.section === section && (part === undefined || item.part === part))
    .flatMap(({ terms }) => terms);

/** The item of a term, by its first word. */
export function textOf(page: string, section: string, term: string): string {
  const found = readItems(page).find((item) => item.section === section && item.terms[0]?.split(" ")[0] === term);
  expect(found, `${term} in ${section} of ${page}`).toBeDefined();
  return found?.text ?? "";
}

/** A whole page in one line. */
export const readPage = (page: string): string => words(readLines(page).map(plain).join(" "));

/** The text between two texts of a source file. */
export function cut(file: string, from: string, to: string): string {
  const [, rest = ""] = readProjectFile(file).split(from);
  const [found = ""] = rest.split(to);
  expect(found, `${file} between ${from} and ${to}`).not.toBe("");
  return found;
}

/** The words of a union type. @param start the text before its first word, such as "export type EndCause =" */
export function readUnion(file: string, start: string): string[] {
  const found = [...cut(file, start, ";").matchAll(/"([^"]+)"/g)].map(([, word = ""]) => word);
  expect(found, `${file}: ${start}`).not.toEqual([]);
  return found;
}

/** The number that a source file defines under this name. */
export function readNumber(file: string, name: string): number {
  const [, text = ""] =
    new RegExp(`(?:const|#define) ${name}(?:: \\w+)?(?: =)? ([\\d_]+(?: \\* [\\d_]+)*)`).exec(readProjectFile(file)) ??
    [];
  expect(text, `${name} in ${file}`).not.toBe("");
  return text.split(" * ").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
}
