// The command line of guestctl, its errors, and the help.
import { parseArgs } from "node:util";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { Option, Options } from "./options.ts";
import { COMMON, formatOption, OPTIONS } from "./options.ts";

/** The message says why, and where to look. */
export class UsageError extends Error {
  constructor(fault: string) {
    super(`${fault}; see "guestctl --help"`);
  }
}

export type Request =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly words: readonly string[];
      readonly options: Options;
      readonly json: boolean;
    };

/**
 * Options can be before, between and after the words of a verb.
 * @param args the words after the program's name
 * @throws UsageError
 */
export function readCommandLine(args: readonly string[]): Request {
  const { values, positionals, tokens } = parse(args);
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  const [name = "list", ...words] = positionals;
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new UsageError(`unknown verb ${JSON.stringify(name)}`);
  const given = tokens.filter((token) => token.kind === "option");
  const fault = findOptionFault(command, given) ?? findArgumentFault(command, words);
  if (fault !== undefined) throw new UsageError(`${name} ${fault}`);
  return { kind: "run", command, words, options: values, json: values.json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, tokens: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

interface Given {
  readonly name: string;
  /** As written: "-a", "--all". */
  readonly rawName: string;
}

function findOptionFault(command: Command, given: readonly Given[]): string | undefined {
  const foreign = given.find(({ name }) => !takesOption(command, name));
  if (foreign === undefined) return undefined;
  const takers = COMMANDS.filter((candidate) => takesOption(candidate, foreign.name)).map(({ name }) => name);
  return `takes no ${foreign.rawName}, which is for ${takers.join(", ")}`;
}

const takesOption = ({ options = [] }: Command, name: string): boolean =>
  [...COMMON, ...options].some((option) => option === name);

function findArgumentFault({ args, findFault }: Command, words: readonly string[]): string | undefined {
  if (findFault !== undefined) return findFault(words);
  if (args === "") return words.length === 0 ? undefined : "takes no argument";
  if (words.length === 0) return `needs ${args}`;
  return args.endsWith("...") || words.length === 1 ? undefined : `takes one ${args}`;
}

export function helpText(): string {
  return [
    "guestctl [OPTIONS...] [VERB] ...",
    "",
    "Control guest logins; inspect and end guest sessions. Without a verb, list the sessions.",
    "",
    ...COMMANDS.map(showCommand),
    "",
    ...(Object.keys(OPTIONS) as Option[]).map(showOption),
    "",
    "Every verb takes --json, --help and --version.",
    "",
    "Exit status: 0 on success, 1 on failure or if something is wrong, 2 for a wrong command line.",
  ].join("\n");
}

const COLUMN = Math.max(...COMMANDS.map(({ name, args }) => `${name} ${args}`.length));

const showCommand = ({ name, args, help }: Command) => `  ${`${name} ${args}`.padEnd(COLUMN)}  ${help}`;

const showOption = (name: Option) => `  ${formatOption(name).padEnd(COLUMN)}  ${OPTIONS[name].help}`;
