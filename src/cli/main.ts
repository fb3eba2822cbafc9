// The frame of guestctl: runs the verb, prints, and returns the exit code.
import { Client, ClientError } from "../bus/client.ts";
import { VERSION } from "../version.ts";
import type { Output } from "./command.ts";
import { helpText, readCommandLine, UsageError } from "./usage.ts";

/** Tests pass their own. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly connect: () => Promise<Client>;
}

/** guestctl(1) documents these: `failed` also means that what was checked is not in order. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/**
 * @param args the words after the program's name
 * @returns the exit code
 */
export async function runGuestctl(args: readonly string[], terminal: Terminal): Promise<number> {
  let client: Client | undefined;
  try {
    const request = readCommandLine(args);
    if (request.kind === "help") return print(terminal, helpText());
    if (request.kind === "version") return print(terminal, `guestctl ${VERSION}`);
    const { command, words, options, json } = request;
    const output = await command.run(words, options, async () => (client = await terminal.connect()));
    terminal.out(json ? JSON.stringify(output.json, undefined, 2) : output.text);
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

/** What went wrong and what to do next. guestctl(1) lists these sentences. */
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

export const SYSTEM_TERMINAL: Terminal = {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  connect: () => Client.connect(),
};
