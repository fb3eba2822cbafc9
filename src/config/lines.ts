// The lines of a configuration file, as in systemd.syntax(7): removes comments and joins continued lines. Pure.
// parse.ts interprets the lines.

/** A line with content, trimmed. */
export interface Line {
  readonly text: string;
  /** The number of its first line, from 1. */
  readonly number: number;
}

/**
 * Reads the lines of a file.
 * @param file its text; a byte order mark is ignored, and the line ends of other systems are accepted
 * @returns every line that is neither empty nor a comment
 */
export function readLines(file: string): Line[] {
  const lines: Line[] = [];
  let open: Line | undefined;
  for (const [index, raw] of file
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    // A comment does not end a continued line, and a backslash does not continue a comment.
    if (/^[ \t]*[#;]/.test(raw)) continue;
    const line: Line = { text: `${open?.text ?? ""}${raw}`, number: open?.number ?? index + 1 };
    open = isContinued(raw) ? { ...line, text: `${line.text.slice(0, -1)} ` } : undefined;
    if (open === undefined) lines.push(line);
  }
  // The last line may end with a backslash too.
  if (open !== undefined) lines.push(open);
  return lines.map(({ text, number }) => ({ text: strip(text), number })).filter(({ text }) => text !== "");
}

/** It ends with a backslash that is not itself escaped. */
const isContinued = (raw: string) => (/\\+$/.exec(raw)?.[0].length ?? 0) % 2 === 1;

/** Trims spaces and tabs only: a file name may begin with any other white space. */
export const strip = (text: string): string => /[^ \t](?:.*[^ \t])?/s.exec(text)?.[0] ?? "";
