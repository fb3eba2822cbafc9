// The lines of a configuration file, as systemd.syntax(7) has them: comments left out, continued lines put together.
// Pure. What a line means is parse.ts.

/** A line that counts, without blanks around it. */
export interface Line {
  readonly text: string;
  /** Where it begins, counted from 1. */
  readonly number: number;
}

/**
 * Reads the lines of a file.
 * @param file its text; a byte order mark and the line ends of other systems are as good as none
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
  // The last line may end in a backslash too.
  if (open !== undefined) lines.push(open);
  return lines.map(({ text, number }) => ({ text: strip(text), number })).filter(({ text }) => text !== "");
}

/** A backslash at the end, and not one that another backslash escapes. */
const isContinued = (raw: string) => (/\\+$/.exec(raw)?.[0].length ?? 0) % 2 === 1;

/** Without the blanks around it: spaces and tabs alone, as a file name may begin with any other. */
export const strip = (text: string): string => /[^ \t](?:.*[^ \t])?/s.exec(text)?.[0] ?? "";
