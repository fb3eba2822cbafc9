// The types of values: how each is parsed, and what an error says. Pure; schema.ts has the keys.
import { splitParts, splitWords, unquote } from "./words.ts";

/** `parse` returns undefined for an invalid text. */
export interface ValueType<T> {
  /** Follows "expected ". */
  readonly expected: string;
  readonly parse: (text: string) => T | undefined;
  /** A list (systemd.syntax(7)): another assignment adds to it, an empty one clears it. */
  readonly list: boolean;
}

const scalar = <T>(expected: string, parse: (text: string) => T | undefined): ValueType<T> => ({
  expected,
  parse,
  list: false,
});

/** The words keep their quotes. */
const listOfQuoted = <T>(expected: string, parseWord: (word: string) => T | undefined): ValueType<readonly T[]> => ({
  expected,
  list: true,
  parse(text) {
    const items = splitWords(text)?.map(parseWord);
    return items?.every((item) => item !== undefined) === true ? items : undefined;
  },
});

const list = <T>(expected: string, parseWord: (word: string) => T | undefined): ValueType<readonly T[]> =>
  listOfQuoted(expected, (word) => parseWord(unquote(word)));

/** Optional with "-" before it, as in systemd.exec(5). */
export interface ConfigPath {
  readonly path: string;
  readonly optional: boolean;
}

/** SOURCE[:TARGET[:ro|rw]], read-only by default. */
export interface ConfigBind extends ConfigPath {
  readonly target: string;
  readonly readonly: boolean;
}

/** By locale; "" is the fallback. */
export type Localized<T> = Readonly<Record<string, T>> & { readonly "": T };

/** Both ends included. */
export interface UidRange {
  readonly first: number;
  readonly last: number;
}

// Paths are logged, so they have no control characters.
const UNPRINTABLE = /[\u0000-\u001f\u007f]/;

// Two paths inside one pair of quotes.
const SEVERAL_PATHS = /\s-?\//;

/** An absolute path without "//", ".", ".." or a trailing "/". */
function isNormalPath(text: string): boolean {
  if (text.length > 4095 || UNPRINTABLE.test(text) || SEVERAL_PATHS.test(text)) return false;
  if (!text.startsWith("/") || text === "/") return false;
  return text
    .slice(1)
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && part.length <= 255);
}

function parseConfigPath(word: string): ConfigPath | undefined {
  const optional = word.startsWith("-");
  const path = optional ? word.slice(1) : word;
  return isNormalPath(path) ? { path, optional } : undefined;
}

function parseBind(word: string): ConfigBind | undefined {
  const [source = "", target, mode = "ro", ...rest] = splitParts(word).map(unquote);
  const from = parseConfigPath(source);
  if (from === undefined || rest.length > 0 || (mode !== "ro" && mode !== "rw")) return undefined;
  const to = target ?? from.path;
  return isNormalPath(to) ? { ...from, target: to, readonly: mode === "ro" } : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  if (/^(yes|true|on|1)$/i.test(text)) return true;
  return /^(no|false|off|0)$/i.test(text) ? false : undefined;
}

function parseSize(text: string): string | undefined {
  const percent = /^(\d{1,3})%$/.exec(text)?.[1];
  if (percent !== undefined) return Number(percent) >= 1 && Number(percent) <= 100 ? text : undefined;
  return /^[1-9]\d{0,11}[KMG]?$/i.test(text) ? text.toLowerCase() : undefined;
}

function parseCount(text: string): number | undefined {
  if (text === "") return 0;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Empty means no limit. */
const parseLimit = (text: string) => (text === "" ? text : parseSize(text));

const number =
  (least: number, most: number, suffix = "") =>
  (text: string) => {
    if (text === "") return 0;
    const digits = text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : "";
    const value = /^\d{1,9}$/.test(digits) ? Number(digits) : NaN;
    return value >= least && value <= most ? value : undefined;
  };

// Below are system accounts, above are subordinate UIDs (login.defs(5), SUB_UID_MIN).
const FIRST_UID = 1000;
const LAST_UID = 99_999;

function parseUidRange(text: string): UidRange | undefined {
  const [first = NaN, last = NaN] = /^(\d{4,5})-(\d{4,5})$/.exec(text)?.slice(1).map(Number) ?? [];
  return first >= FIRST_UID && first <= last && last <= LAST_UID ? { first, last } : undefined;
}

// A field of a passwd entry.
function parseDisplayName(text: string): string | undefined {
  return text !== "" && text.length <= 64 && !UNPRINTABLE.test(text) && !/[:,"\\]/.test(text) ? text : undefined;
}

function parseRelative(word: string): string | undefined {
  return isNormalPath(`/${word}`) ? word : undefined;
}

// PAM may reject longer messages.
const SENTENCE_CHARACTERS = 300;

function parseSentence(text: string): string | undefined {
  const isShort = Array.from(text).length <= SENTENCE_CHARACTERS;
  return text !== "" && isShort && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text) ? text : undefined;
}

const ACCOUNT_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;
const SERVICE_NAME = /^[A-Za-z0-9_.@*-]{1,64}$/;

// systemd.unit(5), with * as a wildcard.
const SERVICE_UNIT = /^[A-Za-z0-9:_.\\@*-]{1,247}\.service$/;

const TERMINAL = /^[A-Za-z0-9_.:/*-]{1,64}$/;

const accept = (pattern: RegExp) => (text: string) => (pattern.test(text) ? text : undefined);

export const boolean = scalar("yes or no", parseBoolean);
export const size = scalar("a size such as 512M or 25%", parseSize);
export const count = scalar("a whole number, or nothing for no limit", parseCount);
export const limit = scalar("a size such as 512M or 25%, or nothing for no limit", parseLimit);
export const limitOrNone = scalar("a size such as 512M or 25%, 0 for none at all, or nothing for no limit", (text) =>
  text === "0" ? text : parseLimit(text),
);
export const weight = scalar("a number from 1 to 10000, or nothing for systemd's own", number(1, 10_000));
export const quota = scalar(
  "a share of one processor's time such as 150%, or nothing for no limit",
  number(1, 100_000, "%"),
);
export const secondsOrNever = scalar("a number of seconds from 1 to 86400, or 0 for never", (text) =>
  text === "" ? undefined : number(0, 86_400)(text),
);
export const receipts = scalar("a number from 1 to 100000", (text) => number(1, 100_000)(text) || undefined);
export const uidRange = scalar(`FIRST-LAST, from ${FIRST_UID} to ${LAST_UID}`, parseUidRange);
export const displayName = scalar("a name without colon, comma, quote or backslash", parseDisplayName);
export const accountName = scalar("a user or group name", accept(ACCOUNT_NAME));
// A path has no quotes, so a comment would become part of it. A backslash before # or ; once escaped it.
const parsePath = (text: string) => (isNormalPath(text) && !/[ \t\\][#;]/.test(text) ? text : undefined);

export const path = scalar("an absolute path without . or ..", parsePath);
export const pathOrNone = scalar("an absolute path without . or .., or nothing", (text) =>
  text === "" ? text : parsePath(text),
);
export const sentence = scalar(
  `at most ${SENTENCE_CHARACTERS} characters that can be printed, and not nothing`,
  parseSentence,
);
export const answer = scalar("a word of at most 20 letters", accept(/^\p{L}{1,20}$/u));
export const paths = list(
  "absolute paths without . or .., apart by blanks, - before one that may be missing",
  parseConfigPath,
);
export const binds = listOfQuoted("SOURCE[:TARGET[:ro|rw]] with absolute paths, apart by blanks", parseBind);
export const relativePaths = list("paths below /etc without a / at the start, apart by blanks", parseRelative);
export const services = list("names of PAM services, apart by blanks", accept(SERVICE_NAME));

export const units = list("names of service units with .service, apart by blanks", accept(SERVICE_UNIT));

export const terminals = list("names of terminals below /dev, or displays, apart by blanks", accept(TERMINAL));

export function choice<const W extends string>(...choices: readonly W[]): ValueType<W> {
  return scalar(`one of ${choices.join(", ")}`, (text) => choices.find((word) => word === text));
}
