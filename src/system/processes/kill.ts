// Kills a session's processes until there are none. Cgroups have what it started; a look at all processes finds what
// entered the view otherwise (nsenter). A pidfd never hits a reused PID.
import { closeSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Findings } from "../../policy/receipt.ts";
import type { Cgroup } from "../../policy/session.ts";
import type { Bindings } from "../bindings.ts";
import type { Cgroups } from "./cgroups.ts";
import type { MountEntry } from "./mountinfo.ts";
import { MountReader } from "./mountinfo.ts";
import { doubtsOf, searchMembers, type MemberCriteria, type SearchMembers } from "./member-search.ts";
import { readIfThere } from "../read-file.ts";
import { boundSentences } from "../sentences.ts";
import { poll } from "../../wait.ts";

/** Any of these makes a process the session's. */
export interface Membership extends MemberCriteria {
  readonly cgroups: readonly Cgroup[];
  /** First process of the PID namespace: killing it kills all others. Not counted. */
  readonly reaper?: { readonly pid: number; readonly pidfd: number } | undefined;
}

export interface ProcessTable {
  readonly proc: string;
  readonly cgroups: Cgroups;
  readonly bindings: Pick<Bindings, "openPidfd" | "sendSignal">;
  /** searchMembers, or one look for many sessions. */
  readonly search?: SearchMembers;
  /** Many sessions can end at once, and calls still need answers. */
  readonly inTurn?: <T>(work: () => T) => Promise<T>;
}

const SIGKILL = 9;
const KILL_LIMIT_MS = 10_000;
/** For mounts. */
const READ_LIMIT_MS = 300;
const LONGEST_PAUSE_MS = 100;
const MOST_NAMED = 20;

/** Returns PIDs in a session's cgroups, except the reaper's. A process cannot leave its cgroup by itself. */
export function listProcesses(
  cgroups: Pick<Cgroups, "list">,
  membership: Pick<Membership, "cgroups"> & { readonly reaper?: { readonly pid: number } | undefined },
): number[] {
  const pids = new Set(membership.cgroups.flatMap((cgroup) => cgroups.list(cgroup)));
  return [...pids].filter((pid) => pid !== membership.reaper?.pid);
}

/**
 * Kills every process of a session, for ten seconds at most.
 * @param running earlier PIDs; they count even if something else ended them
 */
export async function endProcesses(
  table: ProcessTable,
  membership: Membership,
  running: readonly number[] = [],
): Promise<Pick<Findings, "processesKilled" | "swept">> {
  const { killed, left } = await killProcesses(table, membership, KILL_LIMIT_MS, running);
  return {
    processesKilled: killed,
    swept: [{ kind: "processes", found: killed + left.length, removed: killed, left }],
  };
}

/**
 * Kills until no process is left.
 * @param limitMs after the first kill
 * @param running PIDs that count, too
 * @returns how many have ended, and a sentence for each that has not
 */
export async function killProcesses(
  table: ProcessTable,
  membership: Membership,
  limitMs: number,
  running: readonly number[] = [],
): Promise<{ killed: number; left: string[] }> {
  const { inTurn = atOnce } = table;
  const seen = new Set(running);
  let there: Seen = NONE_SEEN;
  let round = 0;
  const areGone = async () => {
    there = await inTurn(() => findInCgroups(table, membership));
    if (there.populated.length === 0) there = await findByLook(table, membership);
    for (const pid of there.pids) seen.add(pid);
    // Also after the last look: only a killed process is reported as left.
    await inTurn(() => {
      killMembers(table, membership, there, round++);
    });
    return there.pids.length === 0 && there.populated.length === 0 && there.doubts.length === 0;
  };
  // If many sessions end, the first turn can come late, so the limit starts after it.
  if (!(await areGone())) await poll(areGone, limitMs, { longest: LONGEST_PAUSE_MS });
  const killed = [...seen].filter((pid) => pid !== membership.reaper?.pid && !there.pids.includes(pid));
  return { killed: killed.length, left: describeLeft(there) };
}

const atOnce = <T>(work: () => T): Promise<T> => Promise.resolve(work());

interface Seen {
  readonly populated: readonly Cgroup[];
  readonly pids: readonly number[];
  /** Why there may be more, a sentence each. */
  readonly doubts: readonly string[];
}

const NONE_SEEN: Seen = { populated: [], pids: [], doubts: [] };

function findInCgroups({ cgroups }: ProcessTable, membership: Membership): Seen {
  const populated = membership.cgroups.filter((cgroup) => cgroups.isPopulated(cgroup));
  return { populated, pids: populated.flatMap((cgroup) => cgroups.list(cgroup)), doubts: [] };
}

// A look is slow if there are many processes.
async function findByLook({ search = searchMembers }: ProcessTable, { view, uid }: Membership): Promise<Seen> {
  if (view === undefined && uid === undefined) return NONE_SEEN;
  try {
    const members = await search({ view, uid });
    return { populated: [], pids: members.pids, doubts: doubtsOf(members) };
  } catch (error) {
    return { ...NONE_SEEN, doubts: [`could not be looked at: ${(error as Error).message}`] };
  }
}

function killMembers(table: ProcessTable, membership: Membership, { populated, pids }: Seen, round: number): void {
  if (populated.length === 0 && pids.length === 0) return;
  if (membership.reaper !== undefined) sendKill(table.bindings, membership.reaper.pidfd);
  const areKilled = populated.filter((cgroup) => killAtOnce(table, cgroup));
  if (round === 0 && populated.length > 0 && areKilled.length === populated.length) return;
  // cgroup.kill misses a process whose first thread has ended.
  for (const pid of pids) killMember(table, pid, membership);
}

// A process that forks too fast has no PID to name.
function describeLeft({ populated, pids, doubts }: Seen): string[] {
  if (pids.length === 0) return [...populated.map(({ path }) => `${path} is never empty`), ...boundSentences(doubts)];
  const named = pids.slice(0, MOST_NAMED).map((pid) => `process ${pid} does not end`);
  return pids.length > MOST_NAMED ? [...named, `nor do ${pids.length - MOST_NAMED} more`] : named;
}

/**
 * Whether a process has the UID as one of its four (proc_pid_status(5)). Zombies do not count; a process whose first
 * thread has ended looks like one.
 */
export function runsAs(directory: string, uid: number): boolean {
  const status = readIfThere(join(directory, "status")) ?? "";
  const uids = /^Uid:((?:\t\d+)+)$/m.exec(status)?.[1]?.split("\t").slice(1).map(Number) ?? [];
  const hasEnded = /^State:\t[ZX]/m.test(status) && !/^Threads:\t(?!1$)/m.test(status);
  return uids.includes(uid) && !hasEnded;
}

// Only root's processes can enter a view from outside. A look at a user's process that hangs in execve(2) would hang
// guestd. Processes that mount a part of the view elsewhere are only named (holders.ts).
function isInView(proc: string, pid: number, view: NonNullable<Membership["view"]>): boolean {
  if (!runsAs(join(proc, String(pid)), 0)) return false;
  return listTasks(join(proc, String(pid))).some((task) => {
    const namespace = readNamespace(task);
    if (namespace === undefined || namespace === view.namespace) return namespace !== undefined;
    // guestd's namespace is the host's.
    if (namespace === readNamespace(join(proc, String(process.pid)))) return false;
    const mounts = new MountReader(READ_LIMIT_MS).read(join(task, "mountinfo"));
    return mounts !== undefined && holdsDevice(mounts, view.devices);
  });
}

// Other threads show the namespace after the end of the first.
function listTasks(directory: string): string[] {
  if (readNamespace(directory) !== undefined) return [directory];
  try {
    return readdirSync(join(directory, "task")).map((tid) => join(directory, "task", tid));
  } catch {
    return [];
  }
}

// Only an attacker makes mounts too slow to read.
function holdsDevice(mounts: readonly MountEntry[] | "late", devices: readonly string[]): boolean {
  return mounts !== "late" && mounts.some(({ device }) => devices.includes(device));
}

function readNamespace(task: string): number | undefined {
  try {
    return statSync(join(task, "ns/mnt")).ino;
  } catch {
    return undefined;
  }
}

/** A process that has ended is no error. */
export function sendKill(bindings: Pick<Bindings, "sendSignal">, pidfd: number): void {
  try {
    bindings.sendSignal(pidfd, SIGKILL);
  } catch {
    // It has ended.
  }
}

/** False if the cgroup is gone or refuses. Its processes are then killed one by one. */
function killAtOnce({ cgroups }: ProcessTable, cgroup: Cgroup): boolean {
  try {
    cgroups.kill(cgroup);
    return true;
  } catch {
    return false;
  }
}

export function belongs(
  { proc, cgroups }: Pick<ProcessTable, "proc" | "cgroups">,
  pid: number,
  { view, cgroups: own, uid }: Membership,
): boolean {
  if (own.some((cgroup) => cgroups.contains(cgroup, pid))) return true;
  if (uid !== undefined && runsAs(join(proc, String(pid)), uid)) return true;
  return view !== undefined && isInView(proc, pid, view);
}

function killMember(table: ProcessTable, pid: number, membership: Membership): void {
  let pidfd;
  try {
    pidfd = table.bindings.openPidfd(pid);
  } catch {
    return;
  }
  try {
    // With the pidfd open, answer and signal are for the same process.
    if (belongs(table, pid, membership)) sendKill(table.bindings, pidfd);
  } catch {
    // The next look tells.
  } finally {
    closeSync(pidfd);
  }
}
