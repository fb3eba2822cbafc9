// Who else holds what a session had in memory, when all its processes have ended: by a mount in another namespace, or by an
// open file. Looked for in /proc, whatever guestd believes to have done; it names them and takes nothing away.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as immediate } from "node:timers/promises";
import type { Swept } from "../policy/receipt.ts";
import type { SearchHolders } from "./holder-search.ts";
import { MountReader } from "./mountinfo.ts";
import { nameProcess } from "./process-name.ts";
import { runsAs } from "./processes.ts";
import { boundSentences, quoteName } from "./sweep-items.ts";

/** What is mounted is read for so long in all namespaces together. */
const LOOK_LIMIT_MS = 5000;
/** What is looked for. */
export interface Wanted {
  /** Source of the session's tmpfs; undefined when nobody knows which session it was. */
  readonly label: string | undefined;
  /** Devices of its tmpfs; undefined when they may be somebody else's by now. */
  readonly devices: readonly string[] | undefined;
  /** Of an account that is nobody else's: whose files nobody else should have open. */
  readonly uid: number | undefined;
  /** Inodes of its namespaces, as far as they are held. */
  readonly namespaces: readonly number[];
}

/** Looks at the mounts of all namespaces, and at the open files of all processes. Never rejects. */
export async function findHolders(search: SearchHolders, wanted: Wanted, proc = "/proc"): Promise<readonly Swept[]> {
  const mounts = await look("mounts", () => findMounts(proc, wanted.label));
  const files = await look("open-files", () => findFiles(search, wanted, proc));
  return [mounts, files];
}

async function look(kind: Swept["kind"], find: () => Promise<readonly string[]>): Promise<Swept> {
  try {
    const found = await find();
    return { kind, found: found.length, removed: 0, left: boundSentences(found) };
  } catch (error) {
    return { kind, found: 0, removed: 0, left: [`could not be looked at: ${(error as Error).message}`] };
  }
}

// One process for each namespace is enough. Of root's alone: nobody else can have mounted it, and whoever looks at the
// namespace of a process that hangs in execve(2) hangs with it.
async function findMounts(proc: string, label: string | undefined): Promise<string[]> {
  if (label === undefined) throw new Error("nobody knows which session it was");
  const seen = new Set<number>();
  const found: string[] = [];
  const reader = new MountReader(LOOK_LIMIT_MS);
  for (const pid of readdirSync(proc).filter((name) => /^\d+$/.test(name) && runsAs(join(proc, name), 0))) {
    const namespace = readNamespace(join(proc, pid));
    const mounts = namespace === undefined || seen.has(namespace) ? undefined : reader.read(join(proc, pid, "mountinfo"));
    // One that has gone meanwhile has told nothing: another process of the namespace is asked.
    if (namespace === undefined || mounts === undefined) continue;
    seen.add(namespace);
    const name = nameProcess(proc, Number(pid));
    if (mounts === "late") found.push(`what ${name} has mounted could not be read in time`);
    else found.push(...mounts.filter(({ source }) => source === label).map(({ mountPoint }) => `${name} has ${quoteName(mountPoint)} mounted`));
    await immediate();
  }
  return found;
}

async function findFiles(search: SearchHolders, { devices, uid, namespaces }: Wanted, proc: string): Promise<string[]> {
  if (devices === undefined && uid === undefined) throw new Error("the view is gone");
  const { holders, unseen, whole } = await search({ devices: devices ?? [], uid: uid ?? -1, namespaces });
  return [
    ...holders.map(({ pid, how }) => `${nameProcess(proc, pid)} holds ${how === "namespace" ? "a namespace" : "a file"} of it (${how})`),
    ...unseen.map((pid) => `${nameProcess(proc, pid)} could not be looked at`),
    ...(whole ? [] : ["not all processes could be looked at in time"]),
  ];
}

function readNamespace(directory: string): number | undefined {
  try {
    return statSync(join(directory, "ns/mnt")).ino;
  } catch {
    return undefined;
  }
}
