// Reads PAM stacks as libpam does. policy/pam-stack.ts judges them.
import { existsSync, readdirSync } from "node:fs";
import type { PamModule, PamType } from "../policy/pam-stack.ts";
import { readStart } from "./read-file.ts";

/** The first file of a service counts. */
const DIRECTORIES = ["/etc/pam.d", "/usr/lib/pam.d"];
/** Debian has a directory for each architecture below. */
const LIBRARIES = ["/usr/lib", "/lib", "/usr/lib64"];

/** A longer file is cut off, a longer stack refused. */
const MOST_BYTES = 64 * 1024;
const MOST_MODULES = 500;
const MOST_SERVICES = 1000;
/** libpam's limit for substacks. */
const DEEPEST = 16;

/**
 * Returns the modules of one type in a service's stack; that of "other" if it has no file.
 * @param directories of services' files, and `libraries` of optional modules
 * @throws Error with a sentence if it cannot be read
 */
export function readPamStack(
  service: string,
  type: PamType,
  directories = DIRECTORIES,
  libraries = LIBRARIES,
): readonly PamModule[] {
  const read = (name: string) => {
    const lines: Line[] = [];
    if (isServiceName(name)) readInto(lines, name, type, directories, 0);
    return lines.filter(({ path, ifThere }) => !ifThere || hasModule(path, libraries)).map(({ module }) => module);
  };
  const own = read(service.toLowerCase());
  return own.length > 0 ? own : read("other");
}

/**
 * Returns services with a file, except Debian's for inclusion. If one includes a missing file, libpam refuses its
 * logins, so it is left out.
 */
export function listPamServices(directories = DIRECTORIES): readonly string[] {
  const names = new Set(
    directories
      .flatMap(listFiles)
      .filter((name) => isServiceName(name) && !name.startsWith("common-") && isWhole(name, directories)),
  );
  return [...names].sort().slice(0, MOST_SERVICES);
}

function isWhole(service: string, directories: readonly string[]): boolean {
  const names = new Set([service]);
  for (const name of names) {
    const included = listIncluded(name, directories);
    if (included === undefined) return false;
    for (const one of included) names.add(one);
  }
  return true;
}

/** Undefined if the file is missing; reading the stack reports other errors. */
function listIncluded(name: string, directories: readonly string[]): readonly string[] | undefined {
  try {
    const text = findFile(name, directories)?.text;
    if (text === undefined) return undefined;
    return splitLines(text).flatMap(({ words: [first, control = "", file = ""] }) => {
      if (first === "@include") return [control];
      return /^(include|substack)$/i.test(control) ? [file] : [];
    });
  } catch {
    return [];
  }
}

// Excludes files of dpkg and editors.
const isServiceName = (name: string) =>
  /^[^/\0]{1,255}$/.test(name) && !/^\.|~$|\.(dpkg-|pam-|ucf-|bak$|orig$|rpm)/.test(name);

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

interface Line {
  readonly module: PamModule;
  readonly path: string;
  /** Skipped if not installed ("-" before its type). */
  readonly ifThere: boolean;
}

function hasModule(path: string, libraries: readonly string[]): boolean {
  if (path.startsWith("/")) return existsSync(path);
  const below = libraries.flatMap((library) => listFiles(library).map((name) => `${library}/${name}`));
  return [...libraries, ...below].some((directory) => existsSync(`${directory}/security/${path}`));
}

function readInto(lines: Line[], name: string, type: PamType, directories: readonly string[], depth: number): void {
  if (depth > DEEPEST) throw new Error(`${name} is included more than ${DEEPEST} deep`);
  const found = findFile(name, directories);
  if (found === undefined) return;
  for (const { line, words } of splitLines(found.text)) {
    const included = includedBy(words, type);
    if (included !== undefined) readInto(lines, included, type, directories, depth + 1);
    else lines.push(...parseLine(words, type, found.file, line));
    if (lines.length > MOST_MODULES) throw new Error(`${found.file} has more than ${MOST_MODULES} modules`);
  }
}

function findFile(name: string, directories: readonly string[]): { file: string; text: string } | undefined {
  const files = name.startsWith("/") ? [name] : directories.map((directory) => `${directory}/${name}`);
  for (const file of files) {
    const text = readStart(file, MOST_BYTES);
    if (text !== undefined) return { file, text };
  }
  return undefined;
}

/** Joins continued lines. Brackets make one word. */
function splitLines(text: string): { line: number; words: string[] }[] {
  const lines: { line: number; words: string[] }[] = [];
  let begun: { line: number; text: string } | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const part = raw.replace(/#.*/, "");
    const whole: string = (begun?.text ?? "") + part;
    const line = begun?.line ?? index + 1;
    begun = /\\\s*$/.test(part) ? { line, text: whole.replace(/\s*\\\s*$/, " ") } : undefined;
    if (begun === undefined) lines.push({ line, words: whole.match(/\[(?:\\.|[^\]\\])*\]|\S+/g) ?? [] });
  }
  return lines.filter(({ words }) => words.length > 1);
}

/** Debian's "@include" is for all types. */
function includedBy([first = "", control = "", file = ""]: readonly string[], type: PamType): string | undefined {
  if (first === "@include") return control;
  return isOfType(first, type) && /^(include|substack)$/i.test(control) ? file : undefined;
}

const isOfType = (word: string, type: PamType) => word.replace(/^-/, "").toLowerCase() === type;

function parseLine(words: readonly string[], type: PamType, file: string, line: number): Line[] {
  const [first = "", control = "", path = "", ...args] = words;
  if (!isOfType(first, type) || path === "") return [];
  const module = { type, control, name: path.slice(path.lastIndexOf("/") + 1), args, file, line };
  return [{ module, path, ifThere: first.startsWith("-") }];
}
