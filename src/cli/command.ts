// What a verb of guestctl is, and what verbs share that ask the same of several things. The verbs themselves are
// commands.ts; the command line is usage.ts.
import type { Client } from "../bus/client.ts";
import { ClientError } from "../bus/client.ts";
import type { Options, VerbOption } from "./options.ts";

/** What a verb has to say: text for a person, a value for --json. */
export interface Output {
  readonly text: string;
  readonly json: unknown;
  /** Exit with 1 though the verb was carried out: what was looked at is not in order. */
  readonly bad?: boolean;
}

export interface Command {
  readonly name: string;
  /** Arguments as the help shows them; those in [] may be left out, one with ... may come again. */
  readonly args: string;
  readonly help: string;
  /** Beside those of every verb. */
  readonly options?: readonly VerbOption[];
  /** What is wrong with the arguments, as the end of a sentence; only where `args` does not say it. */
  readonly findFault?: (words: readonly string[]) => string | undefined;
  /** connect() is called only by verbs that talk to guestd. */
  readonly run: (args: readonly string[], options: Options, connect: () => Promise<Client>) => Promise<Output>;
}

/** What guestd says of one thing, as the bus gives it. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Answers<T> {
  readonly done: readonly T[];
  /** Sentences. */
  readonly failures: readonly string[];
}

/**
 * Asks the same of one thing after another, and goes on after one that fails: the answers for the others must not be lost.
 * @throws ClientError the first one, when all have failed
 */
export async function askEach<T>(words: readonly string[], ask: (word: string) => Promise<T>): Promise<Answers<T>> {
  const done: T[] = [];
  const failures: ClientError[] = [];
  for (const word of words) {
    try {
      done.push(await ask(word));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      failures.push(error);
    }
  }
  if (done.length === 0 && failures[0] !== undefined) throw failures[0];
  return { done, failures: failures.map(({ message }) => message) };
}

/** For --json: one thing that was asked for by itself, else a list. */
export const oneOrAll = (words: readonly string[], values: readonly unknown[]): unknown =>
  words.length === 1 ? values[0] : values;
