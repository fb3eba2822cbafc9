// What Linux keeps of an account outside the file system: processes, IPC objects, message queues. processes/kill.ts
// kills.
import { closeSync } from "node:fs";
import { lstat, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { doubtsOf, type SearchMembers } from "../processes/member-search.ts";
import { nameProcess } from "../processes/process-name.ts";
import { meansGone, readIfThere } from "../read-file.ts";
import { quoteName } from "../sentences.ts";
import type { Item, SweepBindings, SweptItems } from "./items.ts";
import { NOTHING, sweepItems } from "./items.ts";

/** Tables of System V IPC (proc_sysvipc(5)). */
const IPC = [
  { kind: "shm", column: "shmid", what: "shared memory" },
  { kind: "sem", column: "semid", what: "semaphores" },
  { kind: "msg", column: "msqid", what: "message queue" },
] as const;

/**
 * Finds processes with this UID as one of their four.
 * @throws Error if they cannot be looked at
 */
export async function findProcesses(search: SearchMembers, proc: string, uid: number): Promise<SweptItems> {
  const members = await search({ view: undefined, uid });
  const running = members.pids.map((pid) => `${nameProcess(proc, pid)} runs as the account`);
  return { found: running.length, removed: 0, left: [...running, ...doubtsOf(members)] };
}

/** Sweeps what the account made or was given in guestd's IPC namespace. */
export function sweepIpc(bindings: Pick<SweepBindings, "removeIpc">, proc: string, uid: number): Promise<SweptItems> {
  return sweepItems(() =>
    IPC.flatMap(({ kind, column, what }) =>
      listOwned(readIfThere(join(proc, "sysvipc", kind)), uid, column).map((id) => ({
        sentence: `${what} ${id} is still there`,
        remove: () => bindings.removeIpc(kind, id),
      })),
    ),
  );
}

// The kernel may lack System V IPC.
function listOwned(table: string | undefined, uid: number, column: string): number[] {
  if (table === undefined) return [];
  const [head = [], ...rows] = table.split("\n").map((line) => line.trim().split(/\s+/));
  const [id, owner, creator] = [head.indexOf(column), head.indexOf("uid"), head.indexOf("cuid")];
  if (id < 0 || owner < 0 || creator < 0) throw new Error(`the table of IPC objects has no ${column}, uid and cuid`);
  return rows.filter((row) => row[owner] === String(uid) || row[creator] === String(uid)).map((row) => Number(row[id]));
}

/** Sweeps POSIX message queues of guestd's IPC namespace. */
export async function sweepQueues(
  bindings: Pick<SweepBindings, "openQueues">,
  proc: string,
  uid: number,
): Promise<SweptItems> {
  const fd = openQueues(bindings);
  if (fd === undefined) return NOTHING;
  try {
    return await sweepItems(() => listQueues(join(proc, "self/fd", String(fd)), uid));
  } finally {
    closeSync(fd);
  }
}

// The kernel may lack message queues.
function openQueues(bindings: Pick<SweepBindings, "openQueues">): number | undefined {
  try {
    return bindings.openQueues();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENODEV") return undefined;
    throw error;
  }
}

// Decoding would change names that are not UTF-8.
async function listQueues(directory: string, uid: number): Promise<Item[]> {
  const items: Item[] = [];
  for (const name of await readdir(directory, { encoding: "buffer" })) {
    const path = Buffer.concat([Buffer.from(`${directory}/`), name]);
    try {
      if ((await lstat(path)).uid === uid)
        items.push({ sentence: `message queue /${quoteName(name)} is still there`, remove: () => unlink(path) });
    } catch (error) {
      if (!meansGone(error)) throw error;
    }
  }
  return items;
}
