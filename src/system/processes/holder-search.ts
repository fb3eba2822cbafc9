// Finds processes that hold files or namespaces of sessions, or have something of them mounted: formats the questions
// to guest-holders, and parses its answers.
import { misunderstood, readLook, type Lines, type LookOptions } from "./look-program.ts";

/** What is looked for, for one session. Undefined or empty fields are not. */
export interface HolderCriteria {
  /** Source of the session's tmpfs. Mounts are searched for this source, these devices and these namespaces. */
  readonly label: string | undefined;
  /**
   * Devices whose files are looked for ("0:57", as in /proc/PID/mountinfo); undefined if
   * they may belong to others by now.
   */
  readonly devices: readonly string[] | undefined;
  /** UID of a leased account: files and sockets that it has made, wherever they are, and namespaces. */
  readonly uid: number | undefined;
  /**
   * Inodes of namespaces. A process with a descriptor of one keeps everything in it. guestd may, and init, which
   * keeps descriptors for guestd.
   */
  readonly namespaces: readonly number[];
}

/** A process that holds files or namespaces; `how` is the first finding. */
export interface FileHolder {
  readonly pid: number;
  readonly how: "descriptor" | "namespace" | "directory" | "root" | "program" | "mapping";
}

/** A process that has something mounted: one for each mount namespace. */
export interface MountHolder {
  readonly pid: number;
  /** Where, as in /proc/PID/mountinfo; undefined if that could not be read in time. */
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
 * @returns the holders of each
 * @throws Error if guest-holders cannot be started, fails, or prints something unknown
 */
export async function searchAllHolders(
  sets: readonly HolderCriteria[],
  options?: LookOptions,
): Promise<readonly Holders[]> {
  return readHolders(sets, await readLook("holders", sets, options));
}

/** The same for a single session. */
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

// Findings from before the time was up are reported as they are.
function noteUnread(criteria: HolderCriteria | undefined, mounts: MountHolder[], pid: number): void {
  const isAsked = (criteria?.label ?? "") !== "" || (criteria?.devices ?? []).length > 0;
  if (isAsked && mounts.at(-1)?.pid !== pid) mounts.push({ pid, path: undefined });
}
