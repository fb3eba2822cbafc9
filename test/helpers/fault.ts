// Faults at a system call of guestd, by strace(1) on the host: the only way to hit an exact moment.
import { spawn } from "node:child_process";
import type { Machine } from "./machine.ts";
import { processesBeside, readLink } from "./processes.ts";
import { waitFor } from "./wait.ts";

const ORDERLY_LIMIT_MS = 2000;

/** The PID of a machine's guestd on the host. */
export function findDaemon(machine: Machine): number | undefined {
  return processesBeside(machine.pid).find(({ uid, pid }) => uid === 0 && /\/node$/.test(readLink(pid, "exe") ?? ""))
    ?.pid;
}

/**
 * Injects a fault into the running guestd, in the syntax of strace's -e inject=: "move_mount:signal=SIGKILL:when=2".
 * @returns stops injecting; when guestd was killed, there is nothing to stop
 */
export async function injectFault(machine: Machine, fault: string): Promise<() => Promise<void>> {
  return (await attach(machine, fault.split(":")[0] ?? "", ["-e", `inject=${fault}`])).stop;
}

/**
 * Traces system calls of the running guestd, including those that its filter refuses.
 * @returns strace's output so far, and how to stop it
 */
export async function traceCalls(machine: Machine, calls: string) {
  return attach(machine, calls, []);
}

async function attach(machine: Machine, calls: string, options: readonly string[]) {
  const pid = findDaemon(machine);
  if (pid === undefined) throw new Error("guestd is not running");
  const strace = spawn("strace", ["-f", "-p", String(pid), "-e", `trace=${calls}`, ...options], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  strace.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  await waitFor(`strace to attach: ${said}`, () => /attached/.test(said), 20_000);
  const hasEnded = () => strace.exitCode !== null || strace.signalCode !== null;
  const stop = async () => {
    strace.kill("SIGINT");
    // It may wait for the first thread of a guestd that it has killed, which waits until strace detaches from the
    // others.
    await waitFor("strace to end", hasEnded, ORDERLY_LIMIT_MS).catch(() => strace.kill("SIGKILL"));
    await waitFor("strace to be killed", hasEnded, 20_000);
  };
  return { said: () => said, stop };
}
