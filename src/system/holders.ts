// Who else holds what a session had in memory, when all its processes have ended: by a mount in another namespace, or by an
// open file. Looked for in /proc, whatever guestd believes to have done; it names them and takes nothing away.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Swept } from "../policy/receipt.ts";
import type { Bindings } from "./bindings.ts";
import { parseMountinfo } from "./mountinfo.ts";
import { nameProcess } from "./process-name.ts";
import { readIfThere } from "./read-file.ts";

/** As many of those that are left are named in a receipt. */
const MOST_NAMED = 20;

/** What is looked for. */
export interface Wanted {
  /** Source of the session's tmpfs; undefined when nobody knows which session it was. */
  readonly label: string | undefined;
  /** Devices of its tmpfs; undefined when they may be somebody else's by now. */
  readonly devices: readonly string[] | undefined;
  /** Of an account that is nobody else's: whose files nobody else should have open. */
  readonly uid: number | undefined;
}

/** Looks at the mounts of all namespaces, and at the open files of all processes. Never rejects. */
export async function findHolders(bindings: Pick<Bindings, "findHolders">, wanted: Wanted, proc = "/proc"): Promise<readonly Swept[]> {
  const mounts = await look("mounts", async () => Promise.resolve(findMounts(proc, wanted.label)));
  const files = await look("open-files", () => findFiles(bindings, wanted, proc));
  return [mounts, files];
}

async function look(kind: Swept["kind"], find: () => Promise<readonly string[]>): Promise<Swept> {
  try {
    const found = await find();
    const more = found.length > MOST_NAMED ? [`and ${found.length - MOST_NAMED} more`] : [];
    return { kind, found: found.length, removed: 0, left: [...found.slice(0, MOST_NAMED), ...more] };
  } catch (error) {
    return { kind, found: 0, removed: 0, left: [`could not be looked at: ${(error as Error).message}`] };
  }
}

// One process for each namespace is enough.
function findMounts(proc: string, label: string | undefined): string[] {
  if (label === undefined) throw new Error("nobody knows which session it was");
  const seen = new Set<number>();
  return readdirSync(proc).filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    const namespace = readNamespace(join(proc, pid));
    const text = namespace === undefined || seen.has(namespace) ? undefined : readIfThere(join(proc, pid, "mountinfo"));
    // One that has gone meanwhile has told nothing: another process of the namespace is asked.
    if (namespace === undefined || text === undefined) return [];
    seen.add(namespace);
    const mounts = parseMountinfo(text).filter(({ source }) => source === label);
    return mounts.map(({ mountPoint }) => `${nameProcess(proc, Number(pid))} has ${JSON.stringify(mountPoint)} mounted`);
  });
}

async function findFiles(bindings: Pick<Bindings, "findHolders">, { devices, uid }: Wanted, proc: string): Promise<string[]> {
  if (devices === undefined && uid === undefined) throw new Error("the view is gone");
  const holders = await bindings.findHolders(devices ?? [], uid ?? -1);
  return holders.map(({ pid, how }) => `${nameProcess(proc, pid)} holds a file of it (${how})`);
}

function readNamespace(directory: string): number | undefined {
  try {
    return statSync(join(directory, "ns/mnt")).ino;
  } catch {
    return undefined;
  }
}
