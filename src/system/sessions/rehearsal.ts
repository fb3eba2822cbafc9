// Builds a view in guest-rehearsal, whose exit destroys it. Makes no PID and IPC namespaces.
import { spawn } from "node:child_process";
import type { Step } from "../../policy/steps.ts";
import type { ViewFault } from "../../policy/view-fault.ts";

const PROGRAM = "/usr/bin/node";
const SCRIPT = "/usr/lib/guestd/guest-rehearsal.js";
/** A login that takes longer is refused. */
const LIMIT_MS = 4000;
const MOST_BYTES = 64 * 1024;

/**
 * @returns undefined if the view can be built
 * @throws Error if guest-rehearsal itself fails
 */
export async function rehearseView(
  plan: readonly Step[],
  argv: readonly [string, ...string[]] = [PROGRAM, SCRIPT],
  limitMs = LIMIT_MS,
): Promise<ViewFault | undefined> {
  const text = await run(argv, JSON.stringify(plan), limitMs);
  if (text === undefined)
    return { step: "", code: "ETIMEDOUT", message: `it was not ready after ${limitMs} ms, as a login needs it` };
  return readFault(text, argv);
}

function readFault(text: string, argv: readonly string[]): ViewFault | undefined {
  const said = text === "" ? undefined : (JSON.parse(text) as Partial<ViewFault> | null);
  if (said === null) return undefined;
  const { step, code, message } = said ?? {};
  if (typeof step !== "string" || typeof code !== "string" || typeof message !== "string")
    throw new Error(`${argv.join(" ")} failed: it does not say what came of it`);
  return { step, code, message };
}

/** Undefined if killed at the limit. */
function run(
  [program, ...args]: readonly [string, ...string[]],
  input: string,
  limitMs: number,
): Promise<string | undefined> {
  const child = spawn(program, args, { env: {}, cwd: "/", stdio: ["pipe", "pipe", "ignore"] });
  let text = "";
  return new Promise((resolve, reject) => {
    // No signal may end it, so it is abandoned.
    const limit = setTimeout(() => {
      child.kill("SIGKILL");
      child.unref();
      resolve(undefined);
    }, limitMs);
    const finish = (end: () => void) => {
      clearTimeout(limit);
      end();
    };
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      if (text.length < MOST_BYTES) text += part;
    });
    // The output explains an early end.
    child.stdin.on("error", () => undefined).end(input);
    child.once("error", (error) => {
      finish(() => {
        reject(new Error(`${program} cannot be started: ${error.message}`));
      });
    });
    child.once("close", () => {
      finish(() => {
        resolve(text);
      });
    });
  });
}
