// guest-greeter: a greeter for greetd that logs the guest in, or starts another greeter. No privileges. Usage:
// guest-greeter --user=USER --session=SESSION -- GREETER [ARGUMENT...].
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Greetd, logIn, readSession } from "./autologin/greetd.ts";

/** Between sessions that end at once. */
const PAUSE_SECONDS = 5;

/** @returns whether a key was pressed */
async function awaitKey(seconds: number): Promise<boolean> {
  if (!process.stdin.isTTY) {
    await pause(seconds * 1000);
    return false;
  }
  process.stdout.write(`A guest session begins in ${seconds} seconds. Press a key to log in as another user.\n`);
  process.stdin.setRawMode(true);
  const [key] = (await Promise.race([once(process.stdin, "data"), pause(seconds * 1000, [undefined])])) as unknown[];
  process.stdin.setRawMode(false);
  process.stdin.pause();
  return key !== undefined;
}

/** @returns whether the session starts when this program exits */
async function logGuestIn(user: string, name: string): Promise<boolean> {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const greetd = new Greetd(process.env["GREETD_SOCK"] ?? "");
  try {
    const session = readSession(name, readFileSync(`/usr/share/wayland-sessions/${name}.desktop`, "utf8"));
    if (session === undefined) throw new Error(`the session ${name} names no command`);
    const fault = await logIn(greetd, user, session, say);
    if (fault !== undefined) throw new Error(fault);
    return true;
  } catch (error) {
    say(`No guest session: ${(error as Error).message}`);
    return false;
  } finally {
    greetd.close();
  }
}

/** For greetd, the other greeter is this program. */
async function runOtherGreeter([greeter = "/bin/false", ...args]: readonly string[]): Promise<number> {
  const child = spawn(greeter, args, { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

const { values, positionals } = parseArgs({
  options: { user: { type: "string", default: "" }, session: { type: "string", default: "" } },
  allowPositionals: true,
});
if ((await awaitKey(PAUSE_SECONDS)) || !(await logGuestIn(values.user, values.session)))
  process.exitCode = await runOtherGreeter(positionals);
