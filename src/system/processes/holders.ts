// Who else holds what a session had in memory, when all its processes have ended: by a mount in another namespace, or by an
// open file. Looked for in /proc, whatever guestd believes to have done; it names them and takes nothing away.
import type { Swept } from "../../policy/receipt.ts";
import type { Holder, Holders, Mounter, SearchHolders } from "./holder-search.ts";
import { unescapeOctal } from "./mountinfo.ts";
import { nameProcess } from "./process-name.ts";
import { boundSentences, quoteName } from "../sweep/items.ts";

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
export async function findHolders(
  search: SearchHolders,
  { label, devices, uid, namespaces }: Wanted,
  proc = "/proc",
): Promise<readonly Swept[]> {
  const isLost = devices === undefined && uid === undefined;
  const looking = search({ devices: devices ?? [], uid: uid ?? -1, namespaces, label: label ?? "" });
  return [
    await look(
      "mounts",
      looking,
      ({ mounters, ...rest }) => [...nameMounters(proc, mounters), ...nameUnseen(proc, rest)],
      label === undefined ? "nobody knows which session it was" : undefined,
    ),
    await look(
      "open-files",
      looking,
      ({ holders, ...rest }) => [...nameFiles(proc, holders), ...nameUnseen(proc, rest)],
      isLost ? "the view is gone" : undefined,
    ),
  ];
}

/** @param obstacle why nothing is found by it */
async function look(
  kind: Swept["kind"],
  looking: Promise<Holders>,
  name: (found: Holders) => readonly string[],
  obstacle: string | undefined,
): Promise<Swept> {
  try {
    const found = name(await looking);
    if (obstacle !== undefined) throw new Error(obstacle);
    return { kind, found: found.length, removed: 0, left: boundSentences(found) };
  } catch (error) {
    return { kind, found: 0, removed: 0, left: [`could not be looked at: ${(error as Error).message}`] };
  }
}

function nameMounters(proc: string, mounters: readonly Mounter[]): string[] {
  return mounters.map(({ pid, place }) =>
    place === undefined
      ? `what ${nameProcess(proc, pid)} has mounted could not be read in time`
      : `${nameProcess(proc, pid)} has ${quoteName(Buffer.from(unescapeOctal(place), "latin1"))} mounted`,
  );
}

function nameFiles(proc: string, holders: readonly Holder[]): string[] {
  return holders.map(
    ({ pid, how }) =>
      `${nameProcess(proc, pid)} holds ${how === "namespace" ? "a namespace" : "a file"} of it (${how})`,
  );
}

function nameUnseen(proc: string, { unseen, whole }: Omit<Holders, "holders" | "mounters">): string[] {
  return [
    ...unseen.map((pid) => `${nameProcess(proc, pid)} could not be looked at`),
    ...(whole ? [] : ["not all processes could be looked at in time"]),
  ];
}
