// Decides which processes belong to a session, and kills them until there are none. Cgroups hold what the session has
// started; a look at all processes finds what entered the view otherwise (nsenter). A pidfd never hits a reused PID.
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

/** Any of these makes a process one of the session's. */
export interface Membership extends MemberCriteria {
  readonly cgroups: readonly Cgroup[];
  /** First process of the PID namespace. Killing it kills everything in the namespace. It is not counted. */
  readonly reaper?: { readonly pid: number; readonly pidfd: number } | undefined;
}

/** Tests pass other directories. */
export interface ProcessTable {
  readonly proc: string;
  readonly cgroups: Cgroups;
  readonly bindings: Pick<Bindings, "openPidfd" | "sendSignal">;
  /** searchMembers, or one look for many sessions. */
  readonly search?: SearchMembers;
  /** Many sessions can end at once, and guestd must still answer calls. */
  readonly inTurn?: <T>(work: () => T) => Promise<T>;
}

const SIGKILL = 9;
const KILL_LIMIT_MS = 10_000;
/** For mounts. */
const READ_LIMIT_MS = 300;
const LONGEST_PAUSE_MS = 100;
/** Processes that a receipt names. */
const MOST_NAMED = 20;

/** PIDs in the cgroups of a session, without the reaper. Cheap, and a process cannot leave its cgroup by itself. */
export function listProcesses(
  cgroups: Pick<Cgroups, "list">,
  membership: Pick<Membership, "cgroups"> & { readonly reaper?: { readonly pid: number } | undefined },
): number[] {
  const pids = new Set(membership.cgroups.flatMap((cgroup) => cgroups.list(cgroup)));
  return [...pids].filter((pid) => pid !== membership.reaper?.pid);
}

/**
 * Kills every process of a session, for at most ten seconds, and reports to its receipt.
 * @param running PIDs of its earlier processes; they count even if something else has ended them
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
 * Kills until none is left.
 * @param limitMs gives up this long after the first kill
 * @param running PIDs to count besides those it finds
 * @returns how many processes have ended, and a sentence for each that is still there
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
    // Also after the last look: a process is reported as left only after it was killed.
    await inTurn(() => {
      killMembers(table, membership, there, round++);
    });
    return there.pids.length === 0 && there.populated.length === 0 && there.doubts.length === 0;
  };
  // Counted from the first kill, because the first turn can come late if many sessions end.
  if (!(await areGone())) await poll(areGone, limitMs, { longest: LONGEST_PAUSE_MS });
  const killed = [...seen].filter((pid) => pid !== membership.reaper?.pid && !there.pids.includes(pid));
  return { killed: killed.length, left: describeLeft(there) };
}

const atOnce = <T>(work: () => T): Promise<T> => Promise.resolve(work());

interface Seen {
  readonly populated: readonly Cgroup[];
  readonly pids: readonly number[];
  /** Why more processes may exist, a sentence each. */
  readonly doubts: readonly string[];
}

const NONE_SEEN: Seen = { populated: [], pids: [], doubts: [] };

function findInCgroups({ cgroups }: ProcessTable, membership: Membership): Seen {
  const populated = membership.cgroups.filter((cgroup) => cgroups.isPopulated(cgroup));
  return { populated, pids: populated.flatMap((cgroup) => cgroups.list(cgroup)), doubts: [] };
}

// Only when the cgroups are empty, because a look is slow on a machine with many processes.
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
  // cgroup.kill signals first threads, and misses a process whose first thread has ended.
  for (const pid of pids) killMember(table, pid, membership);
}

// Processes that fork faster than they can be listed have no PID to name.
function describeLeft({ populated, pids, doubts }: Seen): string[] {
  if (pids.length === 0) return [...populated.map(({ path }) => `${path} is never empty`), ...boundSentences(doubts)];
  const named = pids.slice(0, MOST_NAMED).map((pid) => `process ${pid} does not end`);
  return pids.length > MOST_NAMED ? [...named, `nor do ${pids.length - MOST_NAMED} more`] : named;
}

/**
 * By any of the four UIDs (proc_pid_status(5)). Zombies do not count. A process whose first thread has ended looks like
 * one while its other threads run.
 */
export function runsAs(directory: string, uid: number): boolean {
  const status = readIfThere(join(directory, "status")) ?? "";
  const uids = /^Uid:((?:\t\d+)+)$/m.exec(status)?.[1]?.split("\t").slice(1).map(Number) ?? [];
  const hasEnded = /^State:\t[ZX]/m.test(status) && !/^Threads:\t(?!1$)/m.test(status);
  return uids.includes(uid) && !hasEnded;
}

// Checks only root's processes, because no other can enter a view from outside. Processes with a part of it mounted
// elsewhere are only named (holders.ts). Any user can have a process that hangs in execve(2), and looking at its
// namespaces would hang guestd as well.
function isInView(proc: string, pid: number, view: NonNullable<Membership["view"]>): boolean {
  if (!runsAs(join(proc, String(pid)), 0)) return false;
  return listTasks(join(proc, String(pid))).some((task) => {
    const namespace = readNamespace(task);
    if (namespace === undefined || namespace === view.namespace) return namespace !== undefined;
    // guestd's own namespace is the host's.
    if (namespace === readNamespace(join(proc, String(process.pid)))) return false;
    const mounts = new MountReader(READ_LIMIT_MS).read(join(task, "mountinfo"));
    return mounts !== undefined && holdsDevice(mounts, view.devices);
  });
}

// A process whose first thread has ended looks like a zombie. Its other threads show where it is.
function listTasks(directory: string): string[] {
  if (readNamespace(directory) !== undefined) return [directory];
  try {
    return readdirSync(join(directory, "task")).map((tid) => join(directory, "task", tid));
  } catch {
    return [];
  }
}

// Mounts that take too long to read were made so on purpose. Root does not hide that it is in a view.
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
    // It has already ended.
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
    // With the pidfd open, the answer and the signal are for the same process.
    if (belongs(table, pid, membership)) sendKill(table.bindings, pidfd);
  } catch {
    // The next look tells.
  } finally {
    closeSync(pidfd);
  }
}
