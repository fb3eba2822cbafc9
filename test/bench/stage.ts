// What every stage of the benchmark has: a machine, how often to measure, and where figures go.
import { readdirSync } from "node:fs";
import type { Machine } from "../helpers/machine.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";
import type { Arm } from "./arms.ts";
import type { Notebook } from "./figures.ts";
import type { Sizes } from "./names.ts";

export interface Bench {
  readonly machine: Machine;
  readonly rounds: number;
  readonly sizes: Sizes;
  readonly figures: Notebook;
}

export interface Stage {
  readonly name: string;
  /** Restores what it changes on the machine. */
  run(bench: Bench): Promise<void>;
}

/** The end of a thousand sessions may take as long. */
const PATIENCE_MS = 600_000;
/** With guestd killed, no call is answered. */
const SERVICE_LIMIT_MS = 60_000;

/** A path of the machine, on the host. */
export const placeOf = (machine: Machine, path: string): string => `/proc/${machine.pid}/root${path}`;

/** Reads guestd's records: no call adds to the load. */
export const countSessions = (machine: Machine): number => readdirSync(placeOf(machine, "/run/guestd/sessions")).length;

/** Waits for the last trace of what has logged in before. @param kept sessions that stay */
export async function awaitCalm(machine: Machine, kept = 0): Promise<void> {
  await waitUntil(
    `${kept} sessions to be left`,
    () => countSessions(machine),
    (count) => count <= kept,
    PATIENCE_MS,
  );
  await machine.run(["rm", "-rf", "--one-file-system", "/home/bob"]);
}

/** @returns microseconds */
export async function runArm(machine: Machine, { name, command, counts }: Arm): Promise<number> {
  const { code, stdout, stderr } = await machine.run(["sh", "-c", command], { timeoutMs: SERVICE_LIMIT_MS });
  if (code !== 0) throw new Error(`${name}: exit ${code}: ${stdout}${stderr}`);
  const numbers = stdout.trim().split(/\s+/).map(Number);
  return counts.reduce((sum, index) => sum + (numbers[index] ?? NaN), 0);
}

/** Runs the arms in turn, so a noisy machine affects all of them. @param kept sessions that stay open */
export async function runInTurn(bench: Bench, arms: readonly Arm[], kept = 0): Promise<void> {
  for (let round = 0; round < bench.rounds; round++)
    for (const arm of arms) {
      bench.figures.addTime(arm.name, await runArm(bench.machine, arm));
      await awaitCalm(bench.machine, kept);
    }
}

/** Adds to the configuration. Without text, takes that back. */
export async function configure(machine: Machine, text?: string): Promise<void> {
  const path = "/etc/guestd/guestd.conf.d/30-stage.conf";
  if (text === undefined) await machine.sh(`rm -f ${path}`);
  else await machine.write(path, text);
  await machine.sh("guestctl reload");
}

export async function awaitAnswer(machine: Machine): Promise<void> {
  await waitFor(
    "guestd to answer",
    async () => (await machine.run(["guestctl", "status"])).code === 0,
    SERVICE_LIMIT_MS,
  );
}
