// Finds processes that hold or mount anything of sessions, through guest-holders.
import { misunderstood, readLook, type Lines, type LookOptions } from "./look-program.ts";

/** For one session. Undefined or empty fields are ignored. */
export interface HolderCriteria {
  /** Source of the session's tmpfs. Mounts match by it, the devices, or the namespaces. */
  readonly label: string | undefined;
  /** "0:57", as in mountinfo; undefined if others may have them. */
  readonly devices: readonly string[] | undefined;
  /** Of a leased account: its files and sockets anywhere, and namespaces. */
  readonly uid: number | undefined;
  /**
   * Inodes. A descriptor of a namespace keeps everything in it. guestd may have one, and init, which keeps guestd's.
   */
  readonly namespaces: readonly number[];
}

/** `how` is the first finding. */
export interface FileHolder {
  readonly pid: number;
  readonly how: "descriptor" | "namespace" | "directory" | "root" | "program" | "mapping";
}

/** One for each mount namespace. */
export interface MountHolder {
  readonly pid: number;
  /** As in mountinfo; undefined if not read in time. */
  readonly path: string | undefined;
}

/** At most 512 processes for each session. */
export interface Holders {
  readonly files: readonly FileHolder[];
  readonly mounts: readonly MountHolder[];
  /** Processes that hold more than could be read in time. */
  readonly unread: readonly number[];
  /** Could not be looked at. */
  readonly unseen: readonly number[];
  /** False if the time was too short. */
  readonly whole: boolean;
}

export type SearchHolders = (criteria: HolderCriteria) => Promise<Holders>;

/**
 * Looks at all processes but guestd, once for many sessions.
 * @throws Error if guest-holders fails, or prints something unknown
 */
export async function searchAllHolders(
  sets: readonly HolderCriteria[],
  options?: LookOptions,
): Promise<readonly Holders[]> {
  return readHolders(sets, await readLook("holders", sets, options));
}

export async function searchHolders(criteria: HolderCriteria, options?: LookOptions): Promise<Holders> {
  const [found] = await searchAllHolders([criteria], options);
  return found ?? misunderstood();
}

const WORD = /^(\d+):(?:(descriptor|namespace|directory|root|program|mapping)|mount=(.+))$/;
const UNREAD_FILES = "unread-files";
const UNREAD_MOUNTS = "unread-mounts";

function readHolders(sets: readonly HolderCriteria[], { lines, unseen, whole }: Lines): Holders[] {
  const found = sets.map(() => ({
    files: [] as FileHolder[],
    mounts: [] as MountHolder[],
    unread: [] as number[],
    unseen,
    whole,
  }));
  for (const { pid, words } of lines) {
    for (const word of words.filter((one) => one !== UNREAD_FILES && one !== UNREAD_MOUNTS)) {
      const [match, set, how, path] = WORD.exec(word) ?? [];
      const one = found[Number(set)];
      if (match === undefined || one === undefined) misunderstood();
      if (how === undefined) one.mounts.push({ pid, path });
      else one.files.push({ pid, how: how as FileHolder["how"] });
    }
    if (words.includes(UNREAD_FILES)) for (const one of found) one.unread.push(pid);
    if (words.includes(UNREAD_MOUNTS)) found.forEach((one, set) => noteUnread(sets[set], one.mounts, pid));
  }
  return found;
}

// Keeps findings from before the limit.
function noteUnread(criteria: HolderCriteria | undefined, mounts: MountHolder[], pid: number): void {
  const isAsked = (criteria?.label ?? "") !== "" || (criteria?.devices ?? []).length > 0;
  if (isAsked && mounts.at(-1)?.pid !== pid) mounts.push({ pid, path: undefined });
}
