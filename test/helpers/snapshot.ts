// What a guest could have left on a machine, as sorted lists: toEqual shows the excess. Omits numbers that change by
// themselves (inodes, mount ids, PIDs). Read-only.
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "./execute.ts";
import { processesBeside, readDescriptors, readLink, readMounts, type Process } from "./processes.ts";

export interface Subject {
  readonly pid: number;
  run(argv: readonly string[]): Promise<Result>;
}

export interface Snapshot {
  /** "TARGET TYPE SOURCE" of the first process's mounts. */
  readonly mounts: readonly string[];
  /** The commands in each mount namespace but the first process's; "fd of COMMAND" for one held open. */
  readonly namespaces: readonly string[];
  /** "UID COMMAND", without processes that systemd starts and ends on its own. */
  readonly processes: readonly string[];
  /** The targets of guestd's descriptors, without inode numbers. */
  readonly daemon: readonly string[];
  /** Counted in all mount namespaces. */
  readonly tmpfs: number;
  /** Sessions of logind. */
  readonly sessions: readonly string[];
  /** Sessions' scopes, user managers, users' slices, failed and transient units. */
  readonly units: readonly string[];
  /** SysV objects as "KIND UID", POSIX queues as "mqueue NAME". */
  readonly ipc: readonly string[];
  /** "PATH UID" of files of no system account, and of all files in world-writable directories. */
  readonly files: readonly string[];
  /** TCP ports and names of unix sockets. */
  readonly listeners: readonly string[];
}

/** Helpers of systemd that come and go. */
const TRANSIENT = /^(systemd-(userwor|userdbd|hostnam|timedat|localed|tmpfile|executor|stdio)|\(sd-|\(system|\()/;
/** The ghost's UID, and the ranges of the tests and guestd. No test machine has them in its own files. */
const isGuest = (uid: number) => (uid >= 60_000 && uid < 61_184) || (uid >= 65_536 && uid < 98_304);
/** Not the UID of a system account, of UID 65534 or of nspawn. */
const isUser = (uid: number) => (uid >= 1000 && uid < 65_534) || isGuest(uid);

/** All files in these are listed, regardless of owner. */
const SHARED_PATHS = [
  "/tmp",
  "/var/tmp",
  "/dev/shm",
  "/dev/mqueue",
  "/run/lock",
  "/var/spool",
  "/var/crash",
  "/var/mail",
  "/run/user",
  "/run/userdb",
  "/run/guestd",
  "/var/lib/systemd/linger",
  "/home",
];
/** Only users' files in these are listed. */
const SEARCHED_PATHS = ["/run", "/var", "/etc", "/opt", "/srv", "/root"];
/** The machine itself changes these. */
const IGNORED = /^\/(run\/(log|systemd|udev|dbus|credentials)|var\/(lib\/(dpkg|apt)|cache|log))(\/|$)|systemd-private-/;
/** guestd creates it at the first session; only its contents count. */
const OWN_DIRECTORY = "/run/guestd/sessions";

export async function takeSnapshot(machine: Subject): Promise<Snapshot> {
  const lines = async (...argv: string[]): Promise<string[]> =>
    (await machine.run(argv)).stdout
      .split("\n")
      .map((line) => line.trim().replaceAll(/\s+/g, " "))
      .filter((line) => line !== "");
  const [sessions, units, shm, sem, msg] = await Promise.all([
    lines("loginctl", "list-sessions", "--no-legend"),
    lines("systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager"),
    lines("cat", "/proc/sysvipc/shm"),
    lines("cat", "/proc/sysvipc/sem"),
    lines("cat", "/proc/sysvipc/msg"),
  ]);
  const listeners = await lines("ss", "--no-header", "--listening", "--tcp", "--udp", "--unix", "--numeric");
  // Read after the commands, to omit them.
  const processes = processesBeside(machine.pid);
  const staying = processes.filter(isStaying);
  const root = `/proc/${machine.pid}/root`;
  return {
    mounts: readMounts(machine.pid).map(describeMount).toSorted(),
    namespaces: listNamespaces(machine.pid, processes),
    processes: staying.map(({ uid, command }) => `${uid} ${command}`).toSorted(),
    daemon: listDaemon(processes),
    tmpfs: new Set(
      staying
        .flatMap(({ pid }) => readMounts(pid))
        .filter(isTmpfs)
        .map((mount) => mount[2]),
    ).size,
    sessions: sessions.toSorted(),
    units: units
      .filter(isTelling)
      .map((line) => line.split(" ").slice(0, 4).join(" "))
      .toSorted(),
    ipc: [...listSysv("shm", shm), ...listSysv("sem", sem), ...listSysv("msg", msg)].toSorted(),
    files: listFiles(root),
    listeners: listeners.map(describeListener).filter(isReachable).toSorted(),
  };
}

/** By the file systems' own count, in one process's view. */
export async function tmpfsBytes(machine: Subject): Promise<number> {
  const { stdout } = await machine.run(["df", "--type=tmpfs", "--output=used", "--block-size=1"]);
  return stdout
    .split("\n")
    .slice(1)
    .reduce((sum, line) => sum + Number(line), 0);
}

function typeOf(mount: readonly string[]): string {
  return mount[mount.indexOf("-") + 1] ?? "";
}

function isTmpfs(mount: readonly string[]): boolean {
  return typeOf(mount) === "tmpfs";
}

function describeMount(mount: readonly string[]): string {
  return [mount[4], typeOf(mount), mount[mount.indexOf("-") + 2]].join(" ");
}

function listNamespaces(init: number, processes: readonly Process[]): string[] {
  const first = readLink(init, "ns/mnt");
  const found = new Map<string, string[]>();
  const add = (namespace: string | undefined, what: string): void => {
    if (namespace === undefined || namespace === first) return;
    found.set(namespace, [...(found.get(namespace) ?? []), what]);
  };
  for (const process of processes) {
    const { pid, command } = process;
    if (isStaying(process)) add(readLink(pid, "ns/mnt"), command);
    for (const target of readDescriptors(pid)) {
      if (target.startsWith("mnt:[")) add(target, `fd of ${command}`);
    }
  }
  return [...found.values()].map((names) => names.toSorted().join(", ")).toSorted();
}

// A guest's process can have any name.
function isStaying({ uid, command }: Process): boolean {
  return isGuest(uid) || !TRANSIENT.test(command);
}

/** guestd runs as "node" or under its own title. */
function listDaemon(processes: readonly Process[]): string[] {
  return processes
    .filter(({ uid, command, pid }) => uid === 0 && (command === "guestd" || isGuestd(command, pid)))
    .flatMap(({ pid }) => readDescriptors(pid).map((target) => target.replaceAll(/\d+/g, "N")))
    .toSorted();
}

function isGuestd(command: string, pid: number): boolean {
  return /^(node|MainThread)$/.test(command) && (readLink(pid, "exe") ?? "").includes("/node");
}

const TELLING = /^(session-\S*\.scope|user@\S*|user-\S*\.slice|user-runtime-dir@\S*|guest\S*\.(scope|slice)) | failed /;

function isTelling(line: string): boolean {
  // An inactive unit is listed only because another one names it.
  return TELLING.test(line.replace(/^● /, "")) && !line.includes(" inactive dead ");
}

function listSysv(kind: string, table: readonly string[]): string[] {
  const [head = "", ...rows] = table;
  const column = head.split(" ").indexOf("uid");
  return rows.map((row) => `${kind} ${row.split(" ")[column] ?? ""}`);
}

// A unix socket without a name is unreachable: its creator is about to connect it.
function isReachable(line: string): boolean {
  return !line.includes("/run/systemd/") && !/^u_\w+ \*$/.test(line);
}

function describeListener(line: string): string {
  const [kind = "", , , , address = ""] = line.split(" ");
  return `${kind} ${address}`;
}

function listFiles(root: string): string[] {
  const found = new Set<string>();
  for (const path of SHARED_PATHS) walk(root, path, () => true, found);
  for (const path of SEARCHED_PATHS) walk(root, path, isUser, found);
  return [...found].toSorted();
}

/** "PATH UID" of matching files. Skips what disappears. */
function walk(root: string, top: string, isFound: (uid: number) => boolean, found: Set<string>): void {
  if (IGNORED.test(top)) return;
  let entries;
  try {
    entries = readdirSync(join(root, top), { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(top, entry.name);
    const uid = lstatSync(join(root, path), { throwIfNoEntry: false })?.uid;
    if (uid === undefined || IGNORED.test(path)) continue;
    if (isFound(uid) && path !== OWN_DIRECTORY) found.add(`${path} ${uid}`);
    if (entry.isDirectory()) walk(root, path, isFound, found);
  }
}
