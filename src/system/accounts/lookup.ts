// Keeps guest-lookup (native/lookup.c) to ask the name service and the process table: starting it takes longer than the
// rest of a login. If the name service hangs, it is killed with its program.
import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { within } from "../../wait.ts";

const PROGRAM = "/usr/lib/guestd/guest-lookup";
/** A login waits for it. */
export const LIMIT_MS = 3000;
/** So many programs wait for questions. */
const MOST_IDLE = 2;
/** Modules of the name service may leak memory, so a program is replaced after so many answers. */
const MOST_ANSWERS = 1000;
const NOTHING_FOUND = "-";
const NO_ANSWER = (limit: string) => `the name service has not answered in ${limit}; see whether sssd or nslcd is up`;

interface Helper {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  answers: number;
}

export class Lookup {
  readonly #program: readonly [string, ...string[]];
  #idle: Helper[] = [];

  constructor(program: readonly [string, ...string[]] = [PROGRAM]) {
    this.#program = program;
  }

  /**
   * Asks a question, and returns the answer as in native/lookup.c; undefined for none. Concurrent questions have a
   * program each.
   * @param late returns the message for a missed limit
   * @throws Error if the program fails, or does not answer in time
   */
  async ask(question: string, limitMs = LIMIT_MS, late = NO_ANSWER): Promise<string | undefined> {
    // No name has a newline.
    if (/[\n\0]/.test(question)) return undefined;
    const helper = this.#idle.pop() ?? this.#start();
    try {
      const answer = await within(put(helper, question), limitMs, () => {
        throw new Error(late(`${limitMs / 1000} s`));
      });
      this.#keep(helper);
      return answer === NOTHING_FOUND ? undefined : answer;
    } catch (error) {
      helper.child.kill("SIGKILL");
      // A program that ended while idle says nothing about this question.
      if (error instanceof EndedError && helper.answers > 0) return this.ask(question, limitMs, late);
      throw error;
    }
  }

  #start(): Helper {
    const [program, ...args] = this.#program;
    const child = spawn(program, args, { env: {}, cwd: "/", stdio: ["pipe", "pipe", "ignore"] });
    child.stdout.setEncoding("utf8");
    // Program and pipes do not keep guestd running.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) (stream as unknown as Socket).unref();
    const forget = () => {
      this.#idle = this.#idle.filter((helper) => helper.child !== child);
    };
    child.on("error", forget).on("close", forget);
    // The close of the program is enough.
    child.stdin.on("error", () => undefined);
    return { child, answers: 0 };
  }

  #keep(helper: Helper): void {
    helper.answers++;
    if (this.#idle.length < MOST_IDLE && helper.answers < MOST_ANSWERS) this.#idle.push(helper);
    else helper.child.stdin.end();
  }
}

class EndedError extends Error {}

function put({ child }: Helper, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (part: string) => {
      text += part;
      if (!text.endsWith("\n")) return;
      stop();
      resolve(text.slice(0, -1));
    };
    const end = (why: unknown) => {
      stop();
      reject(new EndedError(`${child.spawnfile} failed: ${String(why instanceof Error ? why.message : why)}`));
    };
    const stop = () => {
      child.stdout.off("data", read);
      child.off("error", end).off("close", end);
    };
    child.stdout.on("data", read);
    child.on("error", end).on("close", end);
    child.stdin.write(`${question}\n`);
  });
}
