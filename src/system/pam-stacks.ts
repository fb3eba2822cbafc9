// Reads the stacks of PAM as libpam does: the service's file or "other", with what it includes. What they mean is policy/pam-stack.ts.
import { existsSync, readdirSync } from "node:fs";
import type { PamModule, PamType } from "../policy/pam-stack.ts";
import { readStart } from "./read-file.ts";

/** In which a service's file is looked for; the first that has it counts. */
const DIRECTORIES = ["/etc/pam.d", "/usr/lib/pam.d"];
/** In which modules lie; Debian has a directory for each architecture below it. */
const LIBRARIES = ["/usr/lib", "/lib", "/usr/lib64"];

/** An administrator's mistake must not stop guestd: a file is cut there, and a stack is refused. */
const MOST_BYTES = 64 * 1024;
const MOST_MODULES = 500;
const MOST_SERVICES = 1000;
/** libpam's own limit for substacks. */
const DEEPEST = 16;

/**
 * The modules of one type that a service's stack has, included ones among them; those of "other" where it has none.
 * @param directories in which it is looked for, but for tests; `libraries` in which a module lies that a stack can do without
 * @throws Error with a sentence where the stack cannot be read
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
 * The names of all services that have a file; those in which Debian has what services include are none. Nor is one that includes a
 * file that is not there: libpam lets nobody in through it.
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

/** The files that one includes, for all types; undefined where it is not there. What cannot be read is told when its stack is. */
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

// Those that dpkg and editors leave beside the files are no services.
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
  /** As it is written. */
  readonly path: string;
  /** Passed over where the module is not installed ("-" before its type). */
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

/** The lines that say something, continued ones put together; words in brackets are one. */
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

/** The file that a line includes: Debian's "@include", for all types, or that of one type. */
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
