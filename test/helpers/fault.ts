// Injects faults into guestd's system calls with strace(1): only this hits an exact moment.
import { spawn } from "node:child_process";
import type { Machine } from "./machine.ts";
import { processesBeside, readLink } from "./processes.ts";
import { waitFor } from "./wait.ts";

const ORDERLY_LIMIT_MS = 2000;

/** The PID is the host's. */
export function findDaemon(machine: Machine): number | undefined {
  return processesBeside(machine.pid).find(({ uid, pid }) => uid === 0 && /\/node$/.test(readLink(pid, "exe") ?? ""))
    ?.pid;
}

/**
 * Injects a fault, in the syntax of strace's -e inject=: "move_mount:signal=SIGKILL:when=2".
 * @returns stops injecting
 */
export async function injectFault(machine: Machine, fault: string): Promise<() => Promise<void>> {
  return (await attach(machine, fault.split(":")[0] ?? "", ["-e", `inject=${fault}`])).stop;
}

/**
 * Includes calls that guestd's filter refuses.
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
    // strace may wait for a killed guestd's first thread, which waits until strace detaches from the others.
    await waitFor("strace to end", hasEnded, ORDERLY_LIMIT_MS).catch(() => strace.kill("SIGKILL"));
    await waitFor("strace to be killed", hasEnded, 20_000);
  };
  return { said: () => said, stop };
}
