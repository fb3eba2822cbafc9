// Reads prose from Markdown, manual pages, and strings and comments in code.
import ts from "typescript";
import { plain } from "./man.ts";
import { readProjectFile } from "./tree.ts";

/** In one line. */
export interface Paragraph {
  readonly where: string;
  readonly text: string;
  /** May be longer than a sentence. */
  readonly isTable: boolean;
}

const oneLine = (lines: readonly string[]) => lines.join(" ").replace(/\s+/g, " ").trim();

class Collector {
  readonly paragraphs: Paragraph[] = [];
  #lines: string[] = [];
  #start = 0;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  add(line: string, number: number): void {
    if (this.#lines.length === 0) this.#start = number;
    this.#lines.push(line);
  }

  end(isTable = false): void {
    const text = oneLine(this.#lines);
    if (text !== "") this.paragraphs.push({ where: `${this.#name}:${this.#start}`, text, isTable });
    this.#lines = [];
  }
}

/** Skips code, addresses of links and pictures. */
export function readMarkdown(name: string): Paragraph[] {
  const collector = new Collector(name);
  let isCode = false;
  readProjectFile(name)
    .split("\n")
    .forEach((line, index) => {
      if (line.startsWith("```")) isCode = !isCode;
      if (isCode || line.startsWith("```") || /^( {4}|\t)/.test(line) || line.startsWith("[")) return collector.end();
      const isTable = line.startsWith("|");
      if (isTable || line === "" || /^(#|\s*([*-]|\d+\.) )/.test(line)) collector.end();
      const text = line
        .replace(/^(#+|\s*([*-]|\d+\.)) /, "")
        .replace(/!\[[^\]]*\]\([^)]*\)/g, "")
        .replace(/\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])/g, "$1")
        .replace(/`[^`]*`/g, "…")
        .replaceAll("**", "");
      collector.add(text, index + 1);
      if (isTable || line.startsWith("#")) collector.end(isTable);
    });
  collector.end();
  return collector.paragraphs;
}

/** Skips examples and headings. */
export function readManual(name: string): Paragraph[] {
  const collector = new Collector(name);
  let isCode = false;
  let isTable = false;
  let isTerm = false;
  readProjectFile(name)
    .split("\n")
    .forEach((line, index) => {
      if (/^\.(nf|EX|SY)\b/.test(line)) isCode = true;
      if (/^\.TS\b/.test(line)) isTable = true;
      const isBreak = /^\.(SH|SS|TP|TQ|PP|P|LP|IP|RS|RE|br|nf|fi|EX|EE|SY|YS|TH|TS|TE|sp)\b/.test(line);
      if (isBreak || line === ".") collector.end(isTable);
      else if (!isCode && !/^[lrc ]+\.$/.test(line) && !line.startsWith('.\\"') && !line.startsWith("'\\\""))
        collector.add(plain(line).replaceAll("\\", ""), index + 1);
      if (isTable || isTerm) collector.end(true);
      isTerm = /^\.T[PQ]\b/.test(line);
      if (/^\.(fi|EE|YS)\b/.test(line)) isCode = false;
      if (/^\.TE\b/.test(line)) isTable = false;
    });
  collector.end();
  return collector.paragraphs;
}

/** Only strings that are sentences. "…" stands for what is filled in. */
export function readStrings(name: string): Paragraph[] {
  const source = ts.createSourceFile(name, readProjectFile(name), ts.ScriptTarget.Latest, true);
  const found: Paragraph[] = [];
  const look = (node: ts.Node): void => {
    const text = ts.isStringLiteralLike(node)
      ? node.text
      : ts.isTemplateExpression(node)
        ? node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join("")
        : "";
    if (/[a-z]+ [a-z]+ [a-z]+/.test(text)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push({ where: `${name}:${line + 1}`, text: oneLine(text.split("\n")), isTable: false });
    }
    ts.forEachChild(node, look);
  };
  look(source);
  return found;
}

/** Each block of comment lines is a paragraph. */
export function readComments(name: string): Paragraph[] {
  const collector = new Collector(name);
  readProjectFile(name)
    .split("\n")
    .forEach((line, index) => {
      const [, text] =
        /^\s*(?:\/\/|\/?\*\*?\/?)(?:\s(.*?))?(?:\*\/)?$/.exec(line) ?? /^.*\S\s+\/\/ (.*)$/.exec(line) ?? [];
      // A table or an example is indented.
      const isProse = text !== undefined && !text.startsWith("  ");
      if (!isProse || text.startsWith("@") || text === "") collector.end();
      if (isProse) collector.add(text, index + 1);
    });
  collector.end();
  return collector.paragraphs;
}

/** For each sentence. */
export function countWords({ text }: Paragraph): number[] {
  return text
    .split(/(?<=[.!?;]["')]?) |(?<=:) (?=["'(]?[A-Z0-9]|…)/)
    .map((sentence) => sentence.split(/\s+/).filter((word) => /\w|…/.test(word)).length)
    .filter((count) => count > 0);
}

export function median(counts: readonly number[]): number {
  return [...counts].sort((a, b) => a - b)[Math.floor(counts.length / 2)] ?? 0;
}
