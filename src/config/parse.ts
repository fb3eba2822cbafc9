// From the texts of the files to the configuration, or to every error in them at once.
// Pure: reading the files, and whom they belong to, is load.ts.
import { parse as parseIni } from "ini";
import type { Config, SectionName } from "./schema.ts";
import { listKeys, SCHEMA } from "./schema.ts";
import { words } from "./values.ts";

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

export interface ConfigError {
  readonly file: string;
  /** Counted from 1; 0 where the whole file is meant. */
  readonly line: number;
  readonly message: string;
}

/** One key in force, and where its value comes from: "FILE:LINE", or "default". */
export interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly origin: string;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly settings: readonly Setting[] }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

interface Assignment {
  readonly section: SectionName;
  readonly name: string;
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

/**
 * Reads the files in their order; a later file's value stands, and adds to a list.
 * @param files vendor file first
 * @returns the configuration with the origin of every value, or all errors
 */
export function parseConfig(files: readonly ConfigFile[]): ConfigResult {
  const errors: ConfigError[] = [];
  const assignments = files.flatMap((file) => readFile(file, errors));
  const settings = new Map(
    listKeys().map(({ section, name, key }) => [`${section}.${name}`, defaultSetting(section, name, key.initial)]),
  );
  for (const assignment of assignments) assign(settings, assignment, errors);
  if (errors.length > 0) return { ok: false, errors: files.flatMap(({ path }) => errorsOf(path, errors)) };
  return { ok: true, config: buildConfig(settings), settings: [...settings.values()] };
}

/** One line for a person: FILE:LINE: what is wrong. */
export function formatConfigError({ file, line, message }: ConfigError): string {
  return line > 0 ? `${file}:${line}: ${message}` : `${file}: ${message}`;
}

const errorsOf = (file: string, errors: readonly ConfigError[]) =>
  errors.filter((error) => error.file === file).sort((a, b) => a.line - b.line);

const defaultSetting = (section: string, name: string, value: string): Setting => ({
  section,
  key: name,
  value,
  origin: "default",
});

function readFile(file: ConfigFile, errors: ConfigError[]): Assignment[] {
  const assignments: Assignment[] = [];
  let section: string | undefined;
  for (const [index, raw] of file.text.split(/\r?\n/).entries()) {
    const text = raw.trim();
    if (text === "" || text.startsWith("#") || text.startsWith(";")) continue;
    const fail = (message: string) => errors.push({ file: file.path, line: index + 1, message });
    const header = /^\[([^\]]*)\]$/.exec(text)?.[1];
    if (header !== undefined) {
      section = header;
      if (!isSection(header)) fail(`unknown section [${header}]; expected one of ${Object.keys(SCHEMA).join(", ")}`);
      continue;
    }
    const pair = readPair(text);
    if (pair === undefined) fail("expected [SECTION] or KEY=VALUE");
    else if (section === undefined) fail(`${pair.name}= stands before the first [SECTION]`);
    else if (isSection(section)) {
      if (isKey(section, pair.name)) assignments.push({ section, ...pair, file: file.path, line: index + 1 });
      else
        fail(`unknown key ${pair.name}= in [${section}]; expected one of ${Object.keys(SCHEMA[section]).join(", ")}`);
    }
  }
  return assignments;
}

// The ini package keeps no line numbers, so it is given one line at a time: it knows quotes, escapes and
// comments behind a value; we know which line it was.
function readPair(line: string): { name: string; text: string } | undefined {
  if (!line.includes("=")) return undefined;
  const entry = Object.entries(parseIni(line, { bracketedArray: false }))[0];
  if (entry === undefined) return undefined;
  const [name, parsed] = entry as [string, unknown];
  return { name, text: String(parsed).trim() };
}

const isSection = (name: string): name is SectionName => Object.hasOwn(SCHEMA, name);
const isKey = (section: SectionName, name: string): boolean => Object.hasOwn(SCHEMA[section], name);

function assign(settings: Map<string, Setting>, assignment: Assignment, errors: ConfigError[]): void {
  const { section, name, text, file, line } = assignment;
  const { type } = keyOf(section, name);
  if (type.parse(text) === undefined) {
    errors.push({ file, line, message: `${name}=${text}: expected ${type.expected}` });
    return;
  }
  const id = `${section}.${name}`;
  const before = settings.get(id) ?? defaultSetting(section, name, "");
  const origin = `${file}:${line}`;
  const adds = type.list && text !== "" && before.value !== "";
  settings.set(id, {
    section,
    key: name,
    value: adds ? words(`${before.value} ${text}`).join(" ") : text,
    origin: adds ? `${before.origin}, ${origin}` : origin,
  });
}

function keyOf(section: SectionName, name: string) {
  const row = listKeys().find((candidate) => candidate.section === section && candidate.name === name);
  if (row === undefined) throw new Error(`no key ${section}.${name}`);
  return row.key;
}

function buildConfig(settings: ReadonlyMap<string, Setting>): Config {
  const config: Record<string, Record<string, unknown>> = {};
  for (const { section, name, key } of listKeys()) {
    const text = settings.get(`${section}.${name}`)?.value ?? key.initial;
    (config[section] ??= {})[name] = key.type.parse(text);
  }
  return config as unknown as Config;
}
