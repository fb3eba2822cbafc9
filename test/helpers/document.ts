// The files to write and commands to run in a document, in order. Tests do the same.

export interface DocumentFile {
  readonly kind: "file";
  readonly path: string;
  readonly text: string;
  /** For install(1). A script is executable. */
  readonly mode: "644" | "755";
}

export interface DocumentCommand {
  readonly kind: "command";
  readonly command: string;
}

export type Instruction = DocumentFile | DocumentCommand;

/** A fenced block, or an indented line: a command. */
const BLOCK = /^```\w*\n([^]*?)^```$|^ {4}(\S.*)$/gm;
const PATH = /`(\/[^`\s]+)`/g;

/** @throws Error when the section is missing */
export function sectionOf(document: string, title: string): string {
  const [, section] = `\n${document}`.split(`\n## ${title}\n`);
  if (section === undefined) throw new Error(`no section "${title}"`);
  return section.split("\n## ")[0] ?? "";
}

/**
 * A fenced block is a file when the paragraph before it names a path in quotes; the last one counts. Skips other fenced
 * blocks and remarks after commands.
 */
export function readInstructions(document: string): readonly Instruction[] {
  return [...document.matchAll(BLOCK)].flatMap((match): readonly Instruction[] => {
    const [, text, command] = match;
    if (text === undefined) return [{ kind: "command", command: (command ?? "").replace(/ +# .*/, "") }];
    const before = document.slice(0, match.index).trimEnd();
    const paragraph = before.slice(before.lastIndexOf("\n\n") + 1);
    const path = [...paragraph.matchAll(PATH)].at(-1)?.[1];
    return path === undefined ? [] : [{ kind: "file", path, text, mode: text.startsWith("#!") ? "755" : "644" }];
  });
}

export const filesOf = (instructions: readonly Instruction[]): readonly DocumentFile[] =>
  instructions.filter((one) => one.kind === "file");

export const commandsOf = (instructions: readonly Instruction[]): readonly string[] =>
  instructions.flatMap((one) => (one.kind === "command" ? [one.command] : []));
