// Finds processes that hold files or namespaces of sessions, or have something of them mounted, through guest-holders.
import { misunderstood, readLook, type Lines, type LookOptions } from "./look-program.ts";

/** For one session. Undefined or empty fields are not looked for. */
export interface HolderCriteria {
  /** Source of the session's tmpfs. Mounts are searched for this source, the devices and the namespaces. */
  readonly label: string | undefined;
  /** "0:57", as in /proc/PID/mountinfo; undefined if they may belong to others by now. */
  readonly devices: readonly string[] | undefined;
  /** Of a leased account: the files and sockets that it has made anywhere, and namespaces. */
  readonly uid: number | undefined;
  /**
   * Inodes. A process with a descriptor of a namespace keeps everything in it. guestd and init may, which keep
   * descriptors for guestd.
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
  /** As in /proc/PID/mountinfo; undefined if it could not be read in time. */
  readonly path: string | undefined;
}

/** At most 512 processes for each session. */
export interface Holders {
  readonly files: readonly FileHolder[];
  readonly mounts: readonly MountHolder[];
  /** Processes that hold more than could be read in time. */
  readonly unread: readonly number[];
  /** Processes that could not be looked at. */
  readonly unseen: readonly number[];
  /** False if there was not enough time for all processes. */
  readonly whole: boolean;
}

export type SearchHolders = (criteria: HolderCriteria) => Promise<Holders>;

/**
 * Looks at all processes but guestd itself, once for many sessions.
 * @throws Error if guest-holders cannot be started, fails, or prints something unknown
 */
export async function searchAllHolders(
  sets: readonly HolderCriteria[],
  options?: LookOptions,
): Promise<readonly Holders[]> {
  return readHolders(sets, await readLook("holders", sets, options));
}

/** For a single session. */
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

// Keeps findings from before the time was up.
function noteUnread(criteria: HolderCriteria | undefined, mounts: MountHolder[], pid: number): void {
  const isAsked = (criteria?.label ?? "") !== "" || (criteria?.devices ?? []).length > 0;
  if (isAsked && mounts.at(-1)?.pid !== pid) mounts.push({ pid, path: undefined });
}
