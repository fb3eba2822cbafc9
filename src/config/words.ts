// The words of a list and their quotes, as in systemd's own lists of paths (InaccessiblePaths= of systemd.exec(5), which
// extract_first_word() reads with EXTRACT_UNQUOTE). Pure.

// A backslash takes the meaning of the next character away. Before a letter or digit it is refused: it looks like one of
// the C escapes of systemd.syntax(7), which systemd's lists of paths do not have.
const ESCAPE = String.raw`\\[^A-Za-z0-9]`;
const QUOTED = String.raw`"(?:[^"\\]|${ESCAPE})*"|'(?:[^'\\]|${ESCAPE})*'`;

const WORD = new RegExp(String.raw`(?:[^ \t"'\\]|${ESCAPE}|${QUOTED})+`, "gs");
const PART = new RegExp(String.raw`:((?:[^:"'\\]|${ESCAPE}|${QUOTED})*)`, "gs");
const MARKED = new RegExp(`${ESCAPE}|${QUOTED}`, "gs");

/**
 * Cuts a list into its words, which are apart by blanks that are neither in quotes nor behind a backslash.
 * @returns the words as they stand there, or undefined where a quote is not closed or a backslash means nothing
 */
export function splitWords(text: string): string[] | undefined {
  return /[^ \t]/.test(text.replace(WORD, "")) ? undefined : (text.match(WORD) ?? []);
}

/** Cuts one of these words at its colons. */
export const splitParts = (word: string): string[] => [...`:${word}`.matchAll(PART)].map(([, part = ""]) => part);

/** What a word, or a part of it, says: without quotes and backslashes. */
export const unquote = (word: string): string =>
  word.replace(MARKED, (mark) =>
    mark.startsWith("\\") ? mark.slice(1) : mark.slice(1, -1).replace(/\\(.)/gs, (_, character: string) => character),
  );
