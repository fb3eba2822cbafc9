// Reads where sshd(8) locks users in: the ChrootDirectory lines of its configuration, with what they stand under. What they mean
// for a guest is policy/chroot-rules.ts.
import { readdirSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { ChrootRule } from "../policy/chroot-rules.ts";
import { fitsWildcards } from "../policy/wildcards.ts";
import { readStart } from "./read-file.ts";

const CONFIG = "/etc/ssh/sshd_config";
/** An administrator's mistake must not stop guestd. */
const MOST_BYTES = 256 * 1024;
const MOST_FILES = 200;
/** sshd's own limit. */
const DEEPEST = 16;

/** In their order. None where there is no sshd; files that cannot be read are passed over. */
export function readChrootRules(config = CONFIG): readonly ChrootRule[] {
  const rules: ChrootRule[] = [];
  const left = { files: MOST_FILES };
  readInto(rules, config, { base: dirname(config), under: [], depth: 0, left });
  return rules;
}

interface Place {
  /** What the names of included files are relative to. */
  readonly base: string;
  readonly under: ChrootRule["under"];
  readonly depth: number;
  readonly left: { files: number };
}

// A Match holds up to the next one, and ends with its file.
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

/** "Keyword word ..." or "Keyword=word ..."; quotes hold a word with blanks together. */
function splitLine(line: string): { readonly keyword: string; readonly words: readonly string[] } {
  const [, keyword = "", rest = ""] = /^\s*(\w+)(?:\s*=\s*|\s+)(.*)$/.exec(line) ?? [];
  const words = rest.match(/"[^"]*"|[^\s"]+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith("#"));
  const said = comment < 0 ? words : words.slice(0, comment);
  return { keyword: keyword.toLowerCase(), words: said.map((word) => word.replace(/^"(.*)"$/, "$1")) };
}

/** The files that a pattern means, as glob(7) sorts them; wildcards count in the last part of the path. */
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
