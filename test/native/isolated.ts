// Views with PID and IPC namespaces: built, joined, ended.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Step } from "../../src/policy/steps.ts";
import type { BuiltView, Isolation } from "../../src/system/bindings.ts";
import { waitFor } from "../helpers/wait.ts";
import { LABEL, native, parseMounts, REAPER } from "./rig.ts";

export interface IsolatedView extends BuiltView {
  readonly isolation: Isolation;
}

/** The caller must end the view. */
export async function buildIsolated(leader: number, plan: readonly Step[]): Promise<IsolatedView> {
  const reaper = openSync(REAPER, "r");
  try {
    const view = await native.buildView(leader, plan, LABEL, reaper);
    if (view.isolation === undefined || !("pid" in view.isolation))
      throw new Error("the view has no namespaces of its own");
    return { ...view, isolation: view.isolation };
  } finally {
    closeSync(reaper);
  }
}

/** Kills all processes in the view's PID namespace, and waits until it is empty. */
export async function endIsolated(view: IsolatedView): Promise<void> {
  const { pidfd } = view.isolation;
  if (!native.reap(pidfd)) native.sendSignal(pidfd, 9);
  await waitFor("the reaper's end", () => native.reap(pidfd));
  closeIsolated(view);
}

export function closeIsolated(view: IsolatedView): void {
  const { pidfd, processes, ipc } = view.isolation;
  for (const fd of [view.fd, pidfd, processes.fd, ipc.fd]) closeSync(fd);
}

/** Builds a view, passes it to `look`, and ends it. */
export async function withIsolated<T>(
  leader: number,
  plan: readonly Step[],
  look: (view: IsolatedView) => T | Promise<T>,
): Promise<T> {
  const view = await buildIsolated(leader, plan);
  try {
    return await look(view);
  } finally {
    await endIsolated(view);
  }
}

function joinArguments(view: IsolatedView, user: readonly string[], script: string): string[] {
  const fd = (number: number): string => `/proc/${process.pid}/fd/${number}`;
  const { processes, ipc } = view.isolation;
  return [`--mount=${fd(view.fd)}`, `--ipc=${fd(ipc.fd)}`, `--pid=${fd(processes.fd)}`, ...user, "sh", "-c", script];
}

/** For setpriv(1): a guest, or root without capabilities. */
export const asUser = (uid: number): string[] => ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
export const asBareRoot: readonly string[] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

/** Runs a script in all namespaces of a view. Returns its output; it may fail. */
export function within(view: IsolatedView, script: string, user: readonly string[] = []): string {
  return execFileSync("nsenter", joinArguments(view, user, `{ ${script}\n} 2>&1; true`), { encoding: "utf8" }).trim();
}

/** Starts a process in all namespaces of a view. It ends with its input. Returns once it runs. */
export async function startWithin(
  view: IsolatedView,
  script = "exec cat",
  more: readonly number[] = [],
): Promise<ChildProcess> {
  const child = spawn("nsenter", joinArguments(view, [], `echo ready; ${script}`), {
    stdio: ["pipe", "pipe", "inherit", ...more],
  });
  if (child.stdout === null) throw new Error("no output");
  await once(child.stdout, "data");
  return child;
}

/** Flags and options of the topmost mount at a target, as seen from inside. */
export function mountWithin(view: IsolatedView, target: string): string[] {
  const found = parseMounts(within(view, "cat /proc/self/mountinfo")).findLast((mount) => mount.target === target);
  return found === undefined ? [] : [...found.flags, ...found.options];
}

export function statusOf(pid: number, field: string): string | undefined {
  return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
}
