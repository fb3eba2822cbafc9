// The command line of guestctl: its verb, words and options; its errors; the help.
import { parseArgs } from "node:util";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { Option, Options } from "./options.ts";
import { COMMON, formatLong, formatOption, OPTIONS } from "./options.ts";

/** The command line is wrong. The message says why, and where to look. */
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
 * Reads the command line. Options can be before, between and after the words of a verb.
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
    "Look at guest sessions and their receipts, end them, and let guests in or not. Without a verb: list.",
    "",
    ...COMMANDS.map(showCommand),
    "",
    ...(Object.keys(OPTIONS) as Option[]).map(showOption),
    "",
    "A verb takes the options behind it, --json, --help and --version.",
    "",
    "Exit codes: 0 done; 1 failed, or not in order; 2 wrong command line.",
  ].join("\n");
}

function showCommand({ name, args, help, options = [] }: Command): string {
  const taken = options.map((option) => ` [${formatLong(option)}]`).join("");
  return `  ${`${name} ${args}`.padEnd(24)} ${help}${taken}`;
}

const showOption = (name: Option) => `  ${formatOption(name).padEnd(24)} ${OPTIONS[name].help}`;
