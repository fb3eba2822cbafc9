// Reads sshd(8)'s ChrootDirectory, with Match blocks. policy/chroot-rules.ts judges.
import { readdirSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { ChrootRule } from "../policy/chroot-rules.ts";
import { fitsWildcards } from "../policy/wildcards.ts";
import { readStart } from "./read-file.ts";

const CONFIG = "/etc/ssh/sshd_config";
/** Bounds an administrator's mistake. */
const MOST_BYTES = 256 * 1024;
const MOST_FILES = 200;
/** sshd's limit. */
const DEEPEST = 16;

/** In order; empty without sshd. Skips unreadable files. */
export function readChrootRules(config = CONFIG): readonly ChrootRule[] {
  const rules: ChrootRule[] = [];
  const left = { files: MOST_FILES };
  readInto(rules, config, { base: dirname(config), under: [], depth: 0, left });
  return rules;
}

interface Place {
  /** For relative names of included files. */
  readonly base: string;
  readonly under: ChrootRule["under"];
  readonly depth: number;
  readonly left: { files: number };
}

// A Match applies up to the next, or to the end of its file.
function readInto(rules: ChrootRule[], file: string, place: Place): void {
  const { base, depth, left } = place;
  if (depth > DEEPEST || left.files-- <= 0) return;
  let under = place.under;
  for (const [index, line] of readText(file).split("\n").entries()) {
    const { keyword, words } = splitLine(line);
    if (keyword === "match") under = [...place.under, words];
    if (keyword === "include")
      for (const included of words.flatMap((pattern) => listFiles(resolve(base, pattern))))
        readInto(rules, included, { ...place, under, depth: depth + 1 });
    if (keyword === "chrootdirectory") rules.push({ at: `${file}:${index + 1}`, directory: words[0] ?? "none", under });
  }
}

function readText(file: string): string {
  try {
    return readStart(file, MOST_BYTES) ?? "";
  } catch {
    return "";
  }
}

/** "Keyword word ..." or "Keyword=word ...". Words with blanks are quoted. */
function splitLine(line: string): { readonly keyword: string; readonly words: readonly string[] } {
  const [, keyword = "", rest = ""] = /^\s*(\w+)(?:\s*=\s*|\s+)(.*)$/.exec(line) ?? [];
  const words = rest.match(/"[^"]*"|[^\s"]+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith("#"));
  const said = comment < 0 ? words : words.slice(0, comment);
  return { keyword: keyword.toLowerCase(), words: said.map((word) => word.replace(/^"(.*)"$/, "$1")) };
}

/** Sorted as in glob(7). Wildcards work only in the last component. */
function listFiles(pattern: string): readonly string[] {
  const name = basename(pattern);
  if (!/[*?]/.test(name)) return [pattern];
  try {
    const names = readdirSync(dirname(pattern)).filter((found) => !found.startsWith(".") && fitsWildcards(name, found));
    return names.sort().map((found) => resolve(dirname(pattern), found));
  } catch {
    return [];
  }
}
