// GUEST_SIT=1: at a file's first failed test, its machines stay up for inspection until Enter is pressed.
import { open } from "node:fs/promises";
import type { TestContext } from "vitest";
import { runningMachines } from "./machine.ts";

let hasSat = false;

/** Without a terminal it waits for the end of the run. */
export async function sitAtFailure({ task }: Readonly<TestContext>): Promise<void> {
  if (process.env["GUEST_SIT"] !== "1" || hasSat || task.result?.state !== "fail") return;
  hasSat = true;
  const errors = (task.result.errors ?? []).map(({ message }) => `  ${message}\n`);
  const ways = runningMachines().map((machine) => `  ${machine.release}: ${machine.shellCommand}\n`);
  await awaitEnter(
    `\nGUEST_SIT: "${task.name}" has failed:\n${errors.join("")}Its machines stay. To get in, as root:\n${ways.join("")}Press Enter to go on.\n`,
  );
}

async function awaitEnter(text: string): Promise<void> {
  const terminal = await open("/dev/tty", "r+").catch(() => undefined);
  if (terminal === undefined) {
    process.stderr.write(text);
    return new Promise(() => setInterval(() => undefined, 60_000));
  }
  await terminal.write(text);
  await terminal.read(Buffer.alloc(1), 0, 1, null);
  await terminal.close();
}
