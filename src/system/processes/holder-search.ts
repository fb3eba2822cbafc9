// Who holds files and namespaces of a session, by guest-holders: a program, because a program that looks at a process that hangs
// in execve(2) hangs with it, and any user can have such a process. A program can be killed, and started again behind it.
import { spawn, type ChildProcess } from "node:child_process";

const PROGRAM = "/usr/lib/guestd/guest-holders";

/** What is looked for. What is undefined, or empty, is not. */
export interface HolderCriteria {
  /** Source of the session's tmpfs. What is on the devices, or is one of the namespaces, is looked for among the mounts as well. */
  readonly label: string | undefined;
  /** Every file on these ("0:57", as in /proc/PID/mountinfo); undefined when they may be somebody else's by now. */
  readonly devices: readonly string[] | undefined;
  /** What this user has made: files and sockets, wherever they are, and namespaces. Of a leased account. */
  readonly uid: number | undefined;
  /** Inodes of namespaces: a process with a descriptor of one keeps all that is in it. guestd and init, which keeps it for guestd, may. */
  readonly namespaces: readonly number[];
}

/** A process that holds files or namespaces; `how` is what was found first. */
export interface FileHolder {
  readonly pid: number;
  readonly how: "descriptor" | "namespace" | "directory" | "root" | "program" | "mapping";
}

/** A process that has something of it mounted: one for each mount namespace. */
export interface MountHolder {
  readonly pid: number;
  /** Where, as in /proc/PID/mountinfo; undefined when that could not be read in time. */
  readonly path: string | undefined;
}

export interface Holders {
  readonly files: readonly FileHolder[];
  readonly mounts: readonly MountHolder[];
  /** Processes that could not be looked at. */
  readonly unseen: readonly number[];
  /** False when the time was not enough for all processes. */
  readonly whole: boolean;
}

export type SearchHolders = (criteria: HolderCriteria) => Promise<Holders>;

/** Milliseconds; tests have less time. */
interface Limits {
  /** For a process, without a sign of life. */
  readonly stallMs: number;
  /** For all of them. */
  readonly limitMs: number;
}

/** How often it is asked whether there was a sign. */
const ASK_MS = 50;
const LIMITS: Limits = { stallMs: 1000, limitMs: 8000 };
/** A killed program has ended by then, or hangs. */
const KILL_LIMIT_MS = 500;

const LINE = /^(\d+)\.*(?: (descriptor|namespace|directory|root|program|mapping))?\.*(?: (unread|mount ([^ ]+)))?$/;

/**
 * Looks at all processes but guestd itself.
 * @throws Error when guest-holders cannot be started, fails, or prints anything else
 */
export async function searchHolders(
  { label = "", devices = [], uid = -1, namespaces }: HolderCriteria,
  program = PROGRAM,
  limits = LIMITS,
): Promise<Holders> {
  const end = performance.now() + limits.limitMs;
  const files: FileHolder[] = [];
  const mounts: MountHolder[] = [];
  const unseen: number[] = [];
  let after = 0;
  for (;;) {
    const text = await run(
      program,
      [devices.join(","), String(uid), namespaces.join(","), label, String(after)],
      limits.stallMs,
      end,
    );
    const lines = text.split("\n");
    // What is not ended by a new line was being looked at when the program was killed.
    const last = /^\d+/.exec(lines.pop() ?? "")?.[0];
    const whole = lines.at(-1) === "end";
    for (const line of whole ? lines.slice(0, -1) : lines) {
      const [match, pid, how, mounted, path] = LINE.exec(line) ?? [];
      if (match === undefined) throw new Error(`${program} failed: it does not say what it has found`);
      after = Number(pid);
      if (how !== undefined) files.push({ pid: after, how: how as FileHolder["how"] });
      if (mounted !== undefined) mounts.push({ pid: after, path });
    }
    if (last !== undefined) unseen.push((after = Number(last)));
    if (whole || performance.now() >= end) return { files, mounts, unseen, whole };
  }
}

/** Gives what the program has said when it ends, or when it was killed: for giving no sign so long, or at the end of the time. */
function run(program: string, args: readonly string[], stallMs: number, end: number): Promise<string> {
  // Without output where no descriptor is free.
  const child: ChildProcess = spawn(program, args, { env: {}, cwd: "/", stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  // Counted by looks, not by the clock: while the machine stands still no program can give a sign.
  let silentMs = 0;
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("latin1").on("data", (part: string) => {
      text += part;
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
      child.stdout?.destroy();
      child.unref();
      if (killed || why === 0) resolve(text);
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
