// Which processes belong to a session, and killing them until there are none. Reads /proc; kills by pidfd,
// so that a pid that was given to another process meanwhile is never hit.
import { closeSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Bindings } from "./bindings.ts";
import { parseMountinfo } from "./mountinfo.ts";

/** What makes a process one of a session's. Any one of them is enough. */
export interface Belonging {
  /** It is in this mount namespace (inode). */
  readonly namespace: number | undefined;
  /** It holds one of these tmpfs in whatever mount namespace: it made itself a new one in the view. */
  readonly devices: readonly string[];
  /** It is in this unit's cgroup, "session-4.scope". */
  readonly scope: string | undefined;
}

/** The machine as these functions see it; tests give other folders. */
export interface ProcessTable {
  readonly proc: string;
  /** Where a cgroup v2 tree may be mounted: unified, or beside v1. */
  readonly cgroups: readonly string[];
  readonly bindings: Pick<Bindings, "openPidfd" | "sendSignal">;
}

const SIGKILL = 9;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/**
 * Kills every process of a session, again and again until none is left.
 * @param limitMs gives up after this time
 * @returns how many processes were killed, and the pids that are still there
 */
export async function killProcesses(table: ProcessTable, belonging: Belonging, limitMs: number): Promise<{ killed: number; left: number[] }> {
  const seen = new Set<number>();
  const end = Date.now() + limitMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const members = findProcesses(table.proc, belonging);
    if (members.length === 0 || Date.now() > end) return { killed: [...seen].filter((pid) => !members.includes(pid)).length, left: members };
    for (const pid of members) seen.add(pid);
    if (belonging.scope !== undefined) killCgroup(table, members, belonging.scope);
    for (const pid of members) killMember(table, pid, belonging);
    await delay(pause);
  }
}

/** The pids of all processes that belong to a session; never guestd itself. */
export function findProcesses(proc: string, belonging: Belonging): number[] {
  const holders = new Map<number, boolean>();
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && belongs(proc, pid, belonging, holders));
}

function belongs(proc: string, pid: number, belonging: Belonging, holders: Map<number, boolean>): boolean {
  const namespace = readNamespace(proc, pid);
  // A process without a mount namespace is a zombie: it holds nothing any more.
  if (namespace === undefined) return false;
  if (namespace === belonging.namespace) return true;
  if (belonging.scope !== undefined && readCgroup(proc, pid, belonging.scope) !== undefined) return true;
  if (belonging.devices.length === 0) return false;
  let holds = holders.get(namespace);
  if (holds === undefined) {
    holds = holdsDevice(proc, pid, belonging.devices);
    holders.set(namespace, holds);
  }
  return holds;
}

function holdsDevice(proc: string, pid: number, devices: readonly string[]): boolean {
  const text = readIfThere(join(proc, String(pid), "mountinfo"));
  return text !== undefined && parseMountinfo(text).some(({ device }) => devices.includes(device));
}

function readNamespace(proc: string, pid: number): number | undefined {
  try {
    return statSync(join(proc, String(pid), "ns/mnt")).ino;
  } catch {
    return undefined;
  }
}

/** The path of the scope's cgroup, when the process is in it or below it. */
function readCgroup(proc: string, pid: number, scope: string): string | undefined {
  const lines = readIfThere(join(proc, String(pid), "cgroup"))?.split("\n") ?? [];
  for (const line of lines) {
    const path = line.split(":").slice(2).join(":");
    const at = `${path}/`.indexOf(`/${scope}/`);
    if (at >= 0) return path.slice(0, at + scope.length + 1);
  }
  return undefined;
}

// All at once, where the kernel can (cgroup.kill, 5.14): what forks faster than we read cannot outrun that.
function killCgroup({ proc, cgroups }: ProcessTable, members: readonly number[], scope: string): void {
  const path = members.map((pid) => readCgroup(proc, pid, scope)).find((found) => found !== undefined);
  if (path === undefined) return;
  for (const root of cgroups) {
    try {
      writeFileSync(join(root, path, "cgroup.kill"), "1", { flag: "r+" });
    } catch {
      // Not there: the processes are killed one by one.
    }
  }
}

function killMember({ proc, bindings }: ProcessTable, pid: number, belonging: Belonging): void {
  let pidfd;
  try {
    pidfd = bindings.openPidfd(pid);
  } catch {
    return;
  }
  try {
    // Looked at again with the pidfd in hand: now the answer and the signal are for one process.
    if (belongs(proc, pid, belonging, new Map())) bindings.sendSignal(pidfd, SIGKILL);
  } catch {
    // It has ended meanwhile; the next look tells.
  } finally {
    closeSync(pidfd);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
