// guestctl's frame: reads the command line, runs a verb, prints, and says which exit code it is.
// 0 done; 1 failed, or what was looked at is not in order; 2 the command line is wrong.
import { parseArgs } from "node:util";
import { Client, ClientError } from "../bus/client.ts";
import { VERSION } from "../version.ts";
import type { Command, Output } from "./command.ts";
import { COMMANDS } from "./commands.ts";

/** What guestctl is run with; tests give their own. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly connect: () => Promise<Client>;
}

class UsageError extends Error {}

/** guestctl(1) has them, as it has the exit codes. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** What can stand before, between and behind the words of a verb. */
export const OPTIONS = {
  json: { type: "boolean", default: false },
  service: { type: "string", default: "login" },
  failed: { type: "boolean", default: false },
  all: { type: "boolean", short: "a", default: false },
  reason: { type: "string", default: "" },
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", default: false },
} as const;

/**
 * Runs guestctl.
 * @param args the words after the program's name
 * @returns the exit code
 */
export async function runGuestctl(args: readonly string[], terminal: Terminal): Promise<number> {
  let client: Client | undefined;
  try {
    const { values, positionals } = readArguments(args);
    if (values.help) return print(terminal, helpText());
    if (values.version) return print(terminal, `guestctl ${VERSION}`);
    const [name = "list", ...words] = positionals;
    const command = findCommand(name, words);
    const output = await command.run(words, values, async () => (client = await terminal.connect()));
    terminal.out(values.json ? JSON.stringify(output.json, undefined, 2) : output.text);
    return exitCode(output);
  } catch (error) {
    terminal.err(`guestctl: ${describeError(error)}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  } finally {
    client?.close();
  }
}

const exitCode = (output: Output) => (output.bad === true ? EXIT.failed : EXIT.done);

function print(terminal: Terminal, text: string): number {
  terminal.out(text);
  return EXIT.done;
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; see "guestctl --help"`);
  }
}

function findCommand(name: string, words: readonly string[]): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new UsageError(`unknown verb ${JSON.stringify(name)}; see "guestctl --help"`);
  const fault = findArgumentFault(command, words);
  if (fault !== undefined) throw new UsageError(`${name} ${fault}; see "guestctl --help"`);
  return command;
}

function findArgumentFault({ args, findFault }: Command, words: readonly string[]): string | undefined {
  if (findFault !== undefined) return findFault(words);
  if (args === "") return words.length === 0 ? undefined : "takes no argument";
  if (words.length === 0) return `needs ${args}`;
  return args.endsWith("...") || words.length === 1 ? undefined : `takes one ${args}`;
}

function helpText(): string {
  const verbs = COMMANDS.map(({ name, args, help }) => `  ${`${name} ${args}`.padEnd(24)} ${help}`);
  return [
    "guestctl [OPTIONS...] [VERB] ...",
    "",
    "Look at guest sessions and their receipts, end them, and let guests in or not. Without a verb: list.",
    "",
    ...verbs,
    "",
    "  --json                   Print JSON",
    "  --service=SERVICE        The PAM service of the login to explain (login)",
    "  --failed                 Of the receipts, those alone that name something left",
    "  -a, --all                Show uids that are free as well",
    "  --reason=REASON          What a guest is told who is refused",
    "  -h, --help               Show this",
    "  --version                Show the version",
    "",
    "Exit codes: 0 done; 1 failed, or not in order; 2 wrong command line.",
  ].join("\n");
}

/** What went wrong, for a person; it ends with what to do next. guestctl(1) has each of these sentences. */
export function describeError(error: unknown): string {
  if (!(error instanceof ClientError)) return error instanceof Error ? error.message : String(error);
  switch (error.code) {
    case "NoBus":
      return `${error.message}; is dbus running? "systemctl status dbus"`;
    case "org.freedesktop.DBus.Error.AccessDenied":
    case "AccessDenied":
      return "only root may do this; try it with sudo";
    case "org.freedesktop.DBus.Error.ServiceUnknown":
      return 'guestd is not installed on this machine, or dbus does not know it yet: "systemctl reload dbus"';
    case "NoAnswer":
      return `${error.message}; "systemctl status guestd" and "journalctl -u guestd" say more`;
    case "NoSuchSession":
      return error.message.includes("guestctl list")
        ? error.message
        : `${error.message} "guestctl list" shows those that there are.`;
    default:
      return error.code.startsWith("org.freedesktop.")
        ? `guestd cannot be reached: ${error.message}; "systemctl status guestd" says more`
        : error.message;
  }
}

/** The terminal of a real run. */
export const SYSTEM_TERMINAL: Terminal = {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  connect: () => Client.connect(),
};
