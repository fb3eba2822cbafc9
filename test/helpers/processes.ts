// Reads a machine's processes from the host's /proc. Changes nothing.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Process {
  /** On the host. */
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly uid: number;
  /** In each PID namespace, outermost first. */
  readonly pids: readonly number[];
}

/** Undefined when the process is gone. */
function whileThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

export function readProcess(pid: number): Process | undefined {
  const status = whileThere(() => readFileSync(`/proc/${pid}/status`, "utf8"));
  if (status === undefined) return undefined;
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
  return {
    pid,
    parent: Number(field("PPid")),
    command: field("Name"),
    uid: Number(field("Uid").split("\t")[0]),
    pids: field("NSpid").split("\t").map(Number),
  };
}

/** @param path e.g. "ns/mnt" */
export function readLink(pid: number, path: string): string | undefined {
  return whileThere(() => readlinkSync(`/proc/${pid}/${path}`));
}

export function readDescriptors(pid: number): string[] {
  const names = whileThere(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return names.flatMap((name) => readLink(pid, `fd/${name}`) ?? []);
}

/** Split at blanks. */
export function readMounts(pid: number): string[][] {
  const text = whileThere(() => readFileSync(`/proc/${pid}/mountinfo`, "utf8")) ?? "";
  return text
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "));
}

/**
 * Counts processes of all machines. pgrep(1) also reads their cgroups: the kernel takes a lock for that, which machines
 * with very many sessions hold most of the time.
 */
export function countRunningAs(uid: number): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => readProcess(Number(pid))?.uid === uid).length;
}

export function descendants(pid: number): Process[] {
  const text = whileThere(() => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")) ?? "";
  const children = text
    .split(" ")
    .filter((word) => word !== "")
    .map(Number);
  return children.flatMap((child) => [readProcess(child) ?? [], descendants(child)].flat());
}

/** Without processes that entered the namespace from outside. */
export function processesBeside(init: number): Process[] {
  const namespace = readLink(init, "ns/pid");
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && readLink(Number(name), "ns/pid") === namespace)
    .flatMap((name) => readProcess(Number(name)) ?? []);
  const byPid = new Map(all.map((process) => [process.pid, process]));
  const isOwn = (process: Process): boolean => {
    if (process.pid === init) return true;
    const parent = byPid.get(process.parent);
    return parent !== undefined && isOwn(parent);
  };
  return all.filter(isOwn);
}
