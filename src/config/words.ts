// The quoted words of a list, as in InaccessiblePaths= of systemd.exec(5) (extract_first_word(), EXTRACT_UNQUOTE).
// Pure.

// A backslash escapes the next character, but not a letter or digit: that looks like a C escape of systemd.syntax(7),
// which systemd's lists of paths lack.
const ESCAPE = String.raw`\\[^A-Za-z0-9]`;
const QUOTED = String.raw`"(?:[^"\\]|${ESCAPE})*"|'(?:[^'\\]|${ESCAPE})*'`;

const WORD = new RegExp(String.raw`(?:[^ \t"'\\]|${ESCAPE}|${QUOTED})+`, "gs");
const PART = new RegExp(String.raw`:((?:[^:"'\\]|${ESCAPE}|${QUOTED})*)`, "gs");
const MARKED = new RegExp(`${ESCAPE}|${QUOTED}`, "gs");

/**
 * Splits a list at blanks, except in quotes or after a backslash.
 * @returns the words as written; undefined if a quote is not closed or an escape is invalid
 */
export function splitWords(text: string): string[] | undefined {
  return /[^ \t]/.test(text.replace(WORD, "")) ? undefined : (text.match(WORD) ?? []);
}

/** Splits a word at its colons. */
export const splitParts = (word: string): string[] => [...`:${word}`.matchAll(PART)].map(([, part = ""]) => part);

/** Removes quotes and backslashes. */
export const unquote = (word: string): string =>
  word.replace(MARKED, (mark) =>
    mark.startsWith("\\") ? mark.slice(1) : mark.slice(1, -1).replace(/\\(.)/gs, (_, character: string) => character),
  );
