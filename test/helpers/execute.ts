// Runs a program on the host without a shell. A failing exit code does not throw.
import { spawn } from "node:child_process";

export interface Result {
  /** As in a shell: 128 + signal after a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecuteOptions {
  readonly input?: string | Buffer;
  /** At the limit the program is killed and the promise rejects. */
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export const SIGNAL_BASE = 128;

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

export function shellCode(code: number | null, signal: string | null): number {
  return code ?? SIGNAL_BASE + (signalNumbers[signal ?? ""] ?? 0);
}

/** @throws Error when the program cannot be started or takes longer than timeoutMs (30 s) */
export function execute(argv: readonly string[], options: ExecuteOptions = {}): Promise<Result> {
  const [program = "", ...args] = argv;
  const { input = "", timeoutMs = 30_000, env = process.env } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A program may ignore its input.
    child.stdin.on("error", () => undefined);
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(
        new Error(
          `not done within ${timeoutMs} ms: ${argv.join(" ")}\n${Buffer.concat([...stdout, ...stderr]).toString()}`,
        ),
      );
    }, timeoutMs);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({
        code: shellCode(code, signal),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
    child.stdin.end(input);
  });
}
