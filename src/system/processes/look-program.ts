// One look at all processes, by guest-holders: a program, because a program that looks at a process that hangs in execve(2) hangs with it, and any user can
// have such a process. A program can be killed, and started again behind it. Knows no meaning of what it says.
import { spawn, type ChildProcess } from "node:child_process";

const PROGRAM = "/usr/lib/guestd/guest-holders";

/** Tests have another program, and less time. */
export interface LookOptions {
  readonly program?: string;
  /** For a process, without a sign of life; in milliseconds. */
  readonly stallMs?: number;
  /** For all of them. Only ends wait for it: on a machine with very many processes it takes long, and is whole all the same. */
  readonly limitMs?: number;
}

const STALL_MS = 1000;
const LIMIT_MS = 30_000;
/** How often it is asked whether there was a sign. */
const ASK_MS = 50;
/** A killed program has ended by then, or hangs. */
const KILL_LIMIT_MS = 500;

/** A set of criteria: what is looked for of one session. What is undefined, or empty, is not. */
export interface LookSet {
  readonly devices?: readonly string[] | undefined;
  readonly uid?: number | undefined;
  readonly namespaces?: readonly number[];
  readonly label?: string | undefined;
}

/** A process, and what was said of it. */
export interface Line {
  readonly pid: number;
  readonly words: readonly string[];
}

export interface Lines {
  readonly lines: readonly Line[];
  /** Processes that could not be looked at. */
  readonly unseen: readonly number[];
  /** False when the time was not enough for all processes. */
  readonly whole: boolean;
}

/**
 * Looks at all processes but guestd itself.
 * @throws Error when the program cannot be started, fails, or says anything else
 */
export async function readLook(
  what: "holders" | "members",
  sets: readonly LookSet[],
  { program = PROGRAM, stallMs = STALL_MS, limitMs = LIMIT_MS }: LookOptions = {},
): Promise<Lines> {
  const end = performance.now() + limitMs;
  const input = sets.map(formatSet).join("");
  const found: Line[] = [];
  const unseen: number[] = [];
  let after = 0;
  for (;;) {
    const said = await run([program, what, String(after)], input, stallMs, end);
    const lines = said.split("\n");
    // What is not ended by a new line was being looked at when the program was killed.
    const last = /^\d+/.exec(lines.pop() ?? "")?.[0];
    const whole = lines.at(-1) === "end";
    for (const text of whole ? lines.slice(0, -1) : lines) {
      const line = parseLine(text) ?? misunderstood();
      after = line.pid;
      if (line.words.length > 0) found.push(line);
    }
    if (last !== undefined) unseen.push((after = Number(last)));
    if (whole || performance.now() >= end) return { lines: found, unseen, whole };
  }
}

/** @throws Error always: the program is another one than this file knows */
export function misunderstood(): never {
  throw new Error("guest-holders does not say what it has found");
}

function formatSet({ devices = [], uid, namespaces = [], label = "" }: LookSet): string {
  const fields = [devices.join(","), uid === undefined ? "" : String(uid), namespaces.join(","), label];
  return `${fields.map((field) => (field === "" ? "-" : field)).join(" ")}\n`;
}

// A point is a sign of life.
function parseLine(text: string): Line | undefined {
  const [pid = "", ...words] = text.split(" ");
  return /^\d+$/.test(pid) ? { pid: Number(pid), words: words.filter((word) => word !== ".") } : undefined;
}

/** Gives what the program has said when it ends, or when it was killed: for giving no sign so long, or at the end of the time. */
function run(command: readonly [string, ...string[]], input: string, stallMs: number, end: number): Promise<string> {
  const [program, ...args] = command;
  // Without input and output where no descriptor is free.
  const child: ChildProcess = spawn(program, args, { env: {}, cwd: "/", stdio: ["pipe", "pipe", "ignore"] });
  const parts: string[] = [];
  // Counted by looks, not by the clock: while the machine stands still no program can give a sign.
  let silentMs = 0;
  return new Promise((resolve, reject) => {
    // One that ends before it has read all of it says by its status why.
    child.stdin?.on("error", () => undefined).end(input);
    child.stdout?.setEncoding("latin1").on("data", (part: string) => {
      parts.push(part);
      silentMs = 0;
    });
    let killed = false;
    const ask = () => {
      silentMs += ASK_MS;
      if (killed || (silentMs < stallMs && performance.now() < end)) return;
      killed = true;
      child.kill("SIGKILL");
      // It may hang in what no signal ends: then it is left to itself.
      setTimeout(finish, KILL_LIMIT_MS, null);
    };
    // After what it has said meanwhile was read: guestd itself may have been busy.
    const asking = setInterval(() => setImmediate(ask), ASK_MS);
    const finish = (why: string | number | null) => {
      clearInterval(asking);
      child.stdin?.destroy();
      child.stdout?.destroy();
      child.unref();
      if (killed || why === 0) resolve(parts.join(""));
      else reject(new Error(`${program} failed: ${String(why)}`));
    };
    child.once("error", (error: NodeJS.ErrnoException) => {
      finish(error.code ?? error.message);
    });
    child.once("close", (code, signal) => {
      finish(code ?? signal);
    });
  });
}
