// What a verb of guestctl is, and code shared by verbs with several arguments. commands.ts has the verbs.
import type { Client } from "../bus/client.ts";
import { ClientError } from "../bus/client.ts";
import type { Options, VerbOption } from "./options.ts";

export interface Output {
  readonly text: string;
  readonly json: unknown;
  /** Exit with 1 although the verb succeeded: what it checked is not in order. */
  readonly bad?: boolean;
}

export interface Command {
  readonly name: string;
  /** For the help: [] is optional, ... can be repeated. */
  readonly args: string;
  readonly help: string;
  /** Besides those of every verb. */
  readonly options?: readonly VerbOption[];
  /** The end of a sentence. Needed only if `args` does not say it. */
  readonly findFault?: (words: readonly string[]) => string | undefined;
  /** Only verbs that talk to guestd call connect(). */
  readonly run: (args: readonly string[], options: Options, connect: () => Promise<Client>) => Promise<Output>;
}

/** guestd's answer about one thing. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Answers<T> {
  readonly done: readonly T[];
  readonly failures: readonly string[];
}

/**
 * A failure does not lose the answers for the other arguments.
 * @throws ClientError the first one, if all have failed
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

/** For --json: a list only for several arguments. */
export const oneOrAll = (words: readonly string[], values: readonly unknown[]): unknown =>
  words.length === 1 ? values[0] : values;
