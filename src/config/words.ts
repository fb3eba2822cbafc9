// The words of a list and their quotes, as in systemd's own lists of paths (InaccessiblePaths= of systemd.exec(5),
// which extract_first_word() reads with EXTRACT_UNQUOTE). Pure.

// A backslash escapes the next character. Before a letter or digit it is refused, because it looks like a C escape of
// systemd.syntax(7), which systemd's lists of paths do not have.
const ESCAPE = String.raw`\\[^A-Za-z0-9]`;
const QUOTED = String.raw`"(?:[^"\\]|${ESCAPE})*"|'(?:[^'\\]|${ESCAPE})*'`;

const WORD = new RegExp(String.raw`(?:[^ \t"'\\]|${ESCAPE}|${QUOTED})+`, "gs");
const PART = new RegExp(String.raw`:((?:[^:"'\\]|${ESCAPE}|${QUOTED})*)`, "gs");
const MARKED = new RegExp(`${ESCAPE}|${QUOTED}`, "gs");

/**
 * Splits a list into words. Blanks separate them, except in quotes or after a backslash.
 * @returns the words as written; undefined if a quote is not closed or an escape is invalid
 */
export function splitWords(text: string): string[] | undefined {
  return /[^ \t]/.test(text.replace(WORD, "")) ? undefined : (text.match(WORD) ?? []);
}

/** Splits one of these words at its colons. */
export const splitParts = (word: string): string[] => [...`:${word}`.matchAll(PART)].map(([, part = ""]) => part);

/** Removes quotes and backslashes from a word, or from a part of it. */
export const unquote = (word: string): string =>
  word.replace(MARKED, (mark) =>
    mark.startsWith("\\") ? mark.slice(1) : mark.slice(1, -1).replace(/\\(.)/gs, (_, character: string) => character),
  );
