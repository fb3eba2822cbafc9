// guestctl in a unit test, with a guestd that answers from a table.
import type { Client } from "../../src/bus/client.ts";
import { ClientError } from "../../src/bus/client.ts";
import type { MethodParts } from "../../src/bus/methods.ts";
import { makeMethods } from "../../src/bus/methods.ts";
import { runGuestctl } from "../../src/cli/main.ts";

/** By method. A function gets the arguments. */
export type Answers = Readonly<Record<string, Answer | ((...body: readonly unknown[]) => Answer)>>;
type Answer = readonly unknown[] | Error;

const SIGNATURES = new Map(makeMethods({} as MethodParts).map(({ name, input }) => [name, input]));

/** Returns the exit code and the output. */
export async function runWith(args: readonly string[], answers: Answers = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const calls: unknown[] = [];
  const client = {
    call: (member: string, signature = "", body: unknown[] = []) => {
      if (signature !== SIGNATURES.get(member)) throw new Error(`there is no ${member}(${signature})`);
      calls.push([member, ...body]);
      const found = answers[member] ?? new ClientError("NoAnswer", `no answer to ${member}`);
      const answer = typeof found === "function" ? found(...body) : found;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    close: () => undefined,
  };
  const code = await runGuestctl(args, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    connect: () => Promise.resolve(client as unknown as Client),
  });
  return { code, out: out.join("\n"), err: err.join("\n"), calls };
}
