// Reads the lines of a configuration file (systemd.syntax(7)). Pure; parse.ts interprets them.

/** Trimmed, and not empty. */
export interface Line {
  readonly text: string;
  /** Of the first line of a continued one, from 1. */
  readonly number: number;
}

/** Joins continued lines, and leaves out empty lines and comments. Accepts a byte order mark and any line ends. */
export function readLines(file: string): Line[] {
  const lines: Line[] = [];
  let open: Line | undefined;
  for (const [index, raw] of file
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    // A comment does not end a continued line. A backslash does not continue a comment.
    if (/^[ \t]*[#;]/.test(raw)) continue;
    const line: Line = { text: `${open?.text ?? ""}${raw}`, number: open?.number ?? index + 1 };
    open = isContinued(raw) ? { ...line, text: `${line.text.slice(0, -1)} ` } : undefined;
    if (open === undefined) lines.push(line);
  }
  // The last line may end with a backslash too.
  if (open !== undefined) lines.push(open);
  return lines.map(({ text, number }) => ({ text: strip(text), number })).filter(({ text }) => text !== "");
}

/** An escaped backslash does not continue a line. */
const isContinued = (raw: string) => (/\\+$/.exec(raw)?.[0].length ?? 0) % 2 === 1;

/** A file name may begin with any other white space. */
export const strip = (text: string): string => /[^ \t](?:.*[^ \t])?/s.exec(text)?.[0] ?? "";
