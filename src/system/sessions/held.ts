// What guestd holds of one session. Descriptors keep inodes from being reused. A PID can be reused, but a pidfd names
// only its process. Decides nothing.
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { IpcIsolation, Isolation, Namespace, View } from "../../policy/session.ts";
import { hasProcesses } from "../../policy/session.ts";
import type { Bindings, BuiltView, NamespaceFile, Watch } from "../bindings.ts";
import { isThere, openProcess, readStartTime } from "../processes/identity.ts";

export interface Held {
  pidfd?: number;
  watch?: Watch;
  /** The leader's, as a path descriptor: it keeps nothing open. */
  terminal?: number;
  /** The terminal was closed while no guestd held it. */
  hungUp?: boolean;
  /** The mount namespace. */
  view?: number;
  /** First process of the PID namespace. */
  reaper?: number;
  reaperWatch?: Watch;
  processes?: number;
  ipc?: number;
  /** The host's mount of the home: if it expired, systemd would end the session. */
  home?: number;
}

/** Kept across a restart. */
export const KINDS = ["pidfd", "terminal", "view", "reaper", "processes", "ipc", "home"] as const;
export type Kind = (typeof KINDS)[number];

const NAMESPACES = { view: "mnt", processes: "pid", ipc: "ipc" } as const;

const pathOf = (fd: number) => `/proc/${process.pid}/fd/${fd}`;

/** @throws Error if the reaper has ended */
export function holdView(held: Held, built: BuiltView): View {
  held.view = built.fd;
  if (built.kept !== undefined) held.home = built.kept;
  const { isolation } = built;
  return {
    inode: built.inode,
    path: pathOf(built.fd),
    devices: built.tmpfs.map(({ device }) => device),
    skipped: built.skipped,
    ...(isolation === undefined ? {} : { isolation: holdIsolation(held, isolation) }),
  };
}

function holdIsolation(held: Held, built: NonNullable<BuiltView["isolation"]>): IpcIsolation | Isolation {
  const named = ({ fd, inode }: NamespaceFile): Namespace => ({ inode, path: pathOf(fd) });
  held.ipc = built.ipc.fd;
  const ipc = named(built.ipc);
  if (!("pidfd" in built)) return { ipc };
  const { pid, pidfd, processes } = built;
  Object.assign(held, { reaper: pidfd, processes: processes.fd } satisfies Held);
  const startTime = readStartTime(pid);
  if (startTime === undefined) throw new Error("the first process of the session's PID namespace has ended");
  return { ipc, reaper: { pid, startTime }, processes: named(processes) };
}

/** What systemd has kept of a session. */
export type Stored = (kind: Kind) => number | undefined;

/**
 * Takes up a view by descriptors that systemd kept, by its reaper, or by its leader. A namespace with another inode is
 * the leader's own.
 * @returns undefined if the view cannot be identified
 */
export function takeUpView(
  held: Held,
  bindings: Pick<Bindings, "openPidfd">,
  leader: number,
  recorded: View,
  stored: Stored,
): View | undefined {
  const { isolation, ...rest } = recorded;
  const home = stored("home");
  if (home !== undefined) held.home = home;
  const own = hasProcesses(isolation) ? isolation : undefined;
  const process = own === undefined ? leader : findReaper(held, bindings, own, stored);
  const take = (kind: keyof typeof NAMESPACES, inode: number): number | undefined => {
    const fd =
      checkInode(stored(kind), inode) ??
      (process === undefined ? undefined : openNamespace(process, NAMESPACES[kind], inode));
    if (fd !== undefined) held[kind] = fd;
    return fd;
  };
  const named = (kind: keyof typeof NAMESPACES, { inode }: Pick<Namespace, "inode">): Namespace | undefined => {
    const fd = take(kind, inode);
    return fd === undefined ? undefined : { inode, path: pathOf(fd) };
  };
  const view = named("view", recorded);
  const processes = own === undefined ? undefined : named("processes", own.processes);
  const ipc = isolation === undefined ? undefined : named("ipc", isolation.ipc);
  if (view === undefined) return undefined;
  const taken = { ...rest, path: view.path };
  if (isolation === undefined) return taken;
  // A leader is never admitted to half of a view.
  if (ipc === undefined) return undefined;
  if (own === undefined) return { ...taken, isolation: { ipc } };
  return processes === undefined ? undefined : { ...taken, isolation: { reaper: own.reaper, processes, ipc } };
}

/** @returns undefined if it is gone: another process may have its PID */
function findReaper(
  held: Held,
  bindings: Pick<Bindings, "openPidfd">,
  { reaper }: Isolation,
  stored: Stored,
): number | undefined {
  const pidfd = stored("reaper") ?? openProcess(bindings, reaper);
  if (pidfd === undefined) return undefined;
  held.reaper = pidfd;
  return isThere(reaper) ? reaper.pid : undefined;
}

function checkInode(fd: number | undefined, inode: number): number | undefined {
  if (fd === undefined || fstatSync(fd).ino === inode) return fd;
  closeSync(fd);
  return undefined;
}

function openNamespace(pid: number, kind: "mnt" | "pid" | "ipc", inode: number): number | undefined {
  let fd;
  try {
    fd = openSync(`/proc/${pid}/ns/${kind}`, constants.O_RDONLY);
  } catch {
    return undefined;
  }
  if (fstatSync(fd).ino === inode) return fd;
  closeSync(fd);
  return undefined;
}

export function namespacesOf({ view, processes, ipc }: Held): number[] {
  return [view, processes, ipc].filter((fd) => fd !== undefined).map((fd) => fstatSync(fd).ino);
}

export function closeHeld(held: Held): void {
  held.watch?.stop();
  held.reaperWatch?.stop();
  for (const kind of KINDS) {
    const fd = held[kind];
    if (fd !== undefined) closeSync(fd);
  }
}
