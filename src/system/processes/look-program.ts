// Runs guest-holders. It hangs at a process that hangs in execve(2), as any user's can. Then it is killed, and started
// again after that process.
import { spawn, type ChildProcess } from "node:child_process";

const PROGRAM = "/usr/lib/guestd/guest-holders";

export interface LookOptions {
  readonly program?: string;
  /** For silence at one process. */
  readonly stallMs?: number;
  /** For all processes. Only ends wait. */
  readonly limitMs?: number;
}

const STALL_MS = 1000;
const LIMIT_MS = 30_000;
const ASK_MS = 50;
/** After that, a killed program counts as hanging. */
const KILL_LIMIT_MS = 500;

/** For one session. Undefined or empty fields are ignored. */
export interface LookSet {
  readonly devices?: readonly string[] | undefined;
  readonly uid?: number | undefined;
  readonly namespaces?: readonly number[];
  readonly label?: string | undefined;
}

export interface Line {
  readonly pid: number;
  readonly words: readonly string[];
}

export interface Lines {
  readonly lines: readonly Line[];
  /** Could not be looked at. */
  readonly unseen: readonly number[];
  /** False if the time was too short. */
  readonly whole: boolean;
}

/**
 * Looks at all processes but guestd.
 * @throws Error if the program fails, or prints something unknown
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
    // An unfinished last line names the process at which the program was killed.
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

/** The program does not match this file. */
export function misunderstood(): never {
  throw new Error("guest-holders does not say what it has found");
}

function formatSet({ devices = [], uid, namespaces = [], label = "" }: LookSet): string {
  const fields = [devices.join(","), uid === undefined ? "" : String(uid), namespaces.join(","), label];
  return `${fields.map((field) => (field === "" ? "-" : field)).join(" ")}\n`;
}

// A dot is a sign of life.
function parseLine(text: string): Line | undefined {
  const [pid = "", ...words] = text.split(" ");
  return /^\d+$/.test(pid) ? { pid: Number(pid), words: words.filter((word) => word !== ".") } : undefined;
}

/** Resolves when the program ends or is killed. */
function run(command: readonly [string, ...string[]], input: string, stallMs: number, end: number): Promise<string> {
  const [program, ...args] = command;
  // Lacks stdin and stdout if no descriptor is available.
  const child: ChildProcess = spawn(program, args, { env: {}, cwd: "/", stdio: ["pipe", "pipe", "ignore"] });
  const parts: string[] = [];
  // Counts checks, not time: no program can write while the machine stands still.
  let silentMs = 0;
  return new Promise((resolve, reject) => {
    // The exit status explains an early end.
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
      // No signal may end it, so it is abandoned.
      setTimeout(finish, KILL_LIMIT_MS, null);
    };
    // guestd may have been busy, so output is read first.
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
