// Reads the manual pages and unexported tables of the code, for tests that compare the two.
import { expect } from "vitest";
import { readProjectFile } from "./tree.ts";

export const MAN = "packaging/man";
export const PAGES = ["guestctl.1", "guestd-sessions.7", "guestd.8", "guestd.conf.5", "org.guestd1.5", "pam_guest.8"];

export interface Item {
  readonly section: string;
  readonly part: string;
  /** The line after .TP, and those after .TQ. */
  readonly terms: string[];
  text: string;
}

/** Drops fonts and macros of man(7). */
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

/** A backslash at the end continues the line. */
const readLines = (page: string) => readProjectFile(`${MAN}/${page}`).replaceAll("\\\n", "").split("\n");

/** Items begin with .TP. Their text is in one line. */
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

/** Finds an item by its term's first word. */
export function textOf(page: string, section: string, term: string): string {
  const found = readItems(page).find((item) => item.section === section && item.terms[0]?.split(" ")[0] === term);
  expect(found, `${term} in ${section} of ${page}`).toBeDefined();
  return found?.text ?? "";
}

/** In one line. */
export const readPage = (page: string): string => words(readLines(page).map(plain).join(" "));

export function cut(file: string, from: string, to: string): string {
  const [, rest = ""] = readProjectFile(file).split(from);
  const [found = ""] = rest.split(to);
  expect(found, `${file} between ${from} and ${to}`).not.toBe("");
  return found;
}

/** @param start the text before its first word, such as "export type EndCause =" */
export function readUnion(file: string, start: string): string[] {
  const found = [...cut(file, start, ";").matchAll(/"([^"]+)"/g)].map(([, word = ""]) => word);
  expect(found, `${file}: ${start}`).not.toEqual([]);
  return found;
}

export function readNumber(file: string, name: string): number {
  const [, text = ""] =
    new RegExp(`(?:const|#define) ${name}(?:: \\w+)?(?: =)? ([\\d_]+(?: \\* [\\d_]+)*)`).exec(readProjectFile(file)) ??
    [];
  expect(text, `${name} in ${file}`).not.toBe("");
  return text.split(" * ").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
}
