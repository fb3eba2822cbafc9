// Parses the texts of the files into the configuration, or into all errors. Pure; load.ts reads the files.
import { readLines, strip } from "./lines.ts";
import type { Config, SectionName } from "./schema.ts";
import { listKeys, SCHEMA } from "./schema.ts";
import { baseOf, localeOf } from "./localized.ts";
import { splitWords } from "./words.ts";

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

export interface ConfigError {
  readonly file: string;
  /** From 1; 0 for the whole file. */
  readonly line: number;
  readonly message: string;
}

/** Origins other than files. */
export const ORIGIN = { table: "default", kernel: "default of this kernel" } as const;

/** `origin` is "FILE:LINE", or one of ORIGIN. */
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
 * A later file overrides a value, or adds to a list.
 * @param files vendor file first
 * @param machineDefaults override those of the table
 * @returns the configuration with the origin of every value, or all errors
 */
export function parseConfig(files: readonly ConfigFile[], machineDefaults: readonly Setting[] = []): ConfigResult {
  const errors: ConfigError[] = [];
  const assignments = files.flatMap((file) => readFile(file, errors));
  const settings = new Map(
    listKeys().map(({ section, name, key }) => [`${section}.${name}`, defaultSetting(section, name, key.initial)]),
  );
  for (const setting of machineDefaults) settings.set(`${setting.section}.${setting.key}`, setting);
  for (const assignment of assignments) assign(settings, assignment, errors);
  if (errors.length > 0) return { ok: false, errors: files.flatMap(({ path }) => errorsOf(path, errors)) };
  return { ok: true, config: buildConfig(settings), settings: inOrder(settings) };
}

// The translations of a key follow it.
const inOrder = (settings: ReadonlyMap<string, Setting>): Setting[] =>
  listKeys().flatMap(({ section, name }) => languagesOf(settings, section, name));

function languagesOf(settings: ReadonlyMap<string, Setting>, section: string, name: string): Setting[] {
  return [...settings.values()].filter((setting) => setting.section === section && baseOf(setting.key) === name);
}

export const DEFAULTS: Config = buildConfig(new Map());

export const isSet = ({ origin }: Setting): boolean => origin !== ORIGIN.table && origin !== ORIGIN.kernel;

/** FILE:LINE: what is wrong. */
export function formatConfigError({ file, line, message }: ConfigError): string {
  return line > 0 ? `${file}:${line}: ${message}` : `${file}: ${message}`;
}

const errorsOf = (file: string, errors: readonly ConfigError[]) =>
  errors.filter((error) => error.file === file).sort((a, b) => a.line - b.line);

const defaultSetting = (section: string, name: string, value: string): Setting => ({
  section,
  key: name,
  value,
  origin: ORIGIN.table,
});

function readFile(file: ConfigFile, errors: ConfigError[]): Assignment[] {
  const assignments: Assignment[] = [];
  let section: string | undefined;
  for (const { text, number } of readLines(file.text)) {
    const fail = (message: string) => errors.push({ file: file.path, line: number, message });
    const header = /^\[([^\]]*)\]$/.exec(text)?.[1];
    const pair = readPair(text);
    if (text.includes(UNREADABLE)) fail("is not UTF-8");
    else if (header !== undefined) {
      section = header;
      if (!isSection(header)) fail(`unknown section [${header}]; expected one of ${Object.keys(SCHEMA).join(", ")}`);
    } else if (pair === undefined) fail("expected [SECTION] or KEY=VALUE");
    else if (section === undefined) fail(`${pair.name}= stands before the first [SECTION]`);
    else if (isSection(section)) {
      if (isKey(section, pair.name)) assignments.push({ section, ...pair, file: file.path, line: number });
      else
        fail(`unknown key ${pair.name}= in [${section}]; expected one of ${Object.keys(SCHEMA[section]).join(", ")}`);
    }
  }
  return assignments;
}

// Node decodes bytes that are not UTF-8 to this.
const UNREADABLE = "\uFFFD";

function readPair(line: string): { name: string; text: string } | undefined {
  const end = line.indexOf("=");
  return end < 1 || line.startsWith("[")
    ? undefined
    : { name: strip(line.slice(0, end)), text: strip(line.slice(end + 1)) };
}

const isSection = (name: string): name is SectionName => Object.hasOwn(SCHEMA, name);

function isKey(section: SectionName, name: string): boolean {
  const base = baseOf(name);
  return Object.hasOwn(SCHEMA[section], base) && (base === name || keyOf(section, base).isLocalized === true);
}

function assign(settings: Map<string, Setting>, assignment: Assignment, errors: ConfigError[]): void {
  const { section, name, text, file, line } = assignment;
  const { type } = keyOf(section, baseOf(name));
  if (type.parse(text) === undefined || hasComment(text, type.list)) {
    errors.push({ file, line, message: `${name}=${text}: expected ${type.expected}${hintAt(text, type.list)}` });
    return;
  }
  const id = `${section}.${name}`;
  const before = settings.get(id) ?? defaultSetting(section, name, "");
  const origin = `${file}:${line}`;
  const adds = type.list && text !== "" && before.value !== "";
  const whole = adds ? `${before.value} ${text}` : text;
  settings.set(id, {
    section,
    key: name,
    value: type.list ? (splitWords(whole) ?? []).join(" ") : whole,
    origin: adds ? `${before.origin}, ${origin}` : origin,
  });
}

// Up to 0.1.0 a comment could follow a value. Now a word of # or ; is refused, or its meaning would change silently.
const hasComment = (text: string, isList: boolean): boolean =>
  (isList ? (splitWords(text) ?? []) : text.split(/[ \t]+/)).some((word) => /^[#;]+$/.test(word));

// What other programs allow, but systemd.syntax(7) does not.
function hintAt(text: string, isList: boolean): string {
  if (/(?:^|[ \t])[#;]/.test(text)) return "; a comment stands on a line of its own";
  if (!/^["']/.test(text)) return "";
  if (!isList) return "; quotes are for the words of a list";
  return /[ \t]/.test(text) ? "; quotes go around one word, not around the list" : "";
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
    const value = key.type.parse(text);
    const translations = () =>
      languagesOf(settings, section, name).map((setting) => [localeOf(setting.key), key.type.parse(setting.value)]);
    (config[section] ??= {})[name] =
      key.isLocalized === true ? { "": value, ...Object.fromEntries(translations()) } : value;
  }
  return config as unknown as Config;
}
