// Who holds files and namespaces of sessions, and has something of them mounted: what guest-holders is asked, and what it says.
import { misunderstood, readLook, type Lines, type LookOptions } from "./look-program.ts";

/** What is looked for of a session. What is undefined, or empty, is not. */
export interface HolderCriteria {
  /** Source of the session's tmpfs. What is on the devices, or is one of the namespaces, is looked for among the mounts as well. */
  readonly label: string | undefined;
  /** Every file on these ("0:57", as in /proc/PID/mountinfo); undefined when they may be somebody else's by now. */
  readonly devices: readonly string[] | undefined;
  /** What this user has made: files and sockets, wherever they are, and namespaces. Of a leased account. */
  readonly uid: number | undefined;
  /** Inodes of namespaces: a process with a descriptor of one keeps all that is in it. guestd and init, which keeps it for guestd, may. */
  readonly namespaces: readonly number[];
}

/** A process that holds files or namespaces; `how` is what was found first. */
export interface FileHolder {
  readonly pid: number;
  readonly how: "descriptor" | "namespace" | "directory" | "root" | "program" | "mapping";
}

/** A process that has something of it mounted: one for each mount namespace. */
export interface MountHolder {
  readonly pid: number;
  /** Where, as in /proc/PID/mountinfo; undefined when that could not be read in time. */
  readonly path: string | undefined;
}

/** Of each session at most 512 processes are named. */
export interface Holders {
  readonly files: readonly FileHolder[];
  readonly mounts: readonly MountHolder[];
  /** Processes that hold more than could be read in time. */
  readonly unread: readonly number[];
  /** Processes that could not be looked at. */
  readonly unseen: readonly number[];
  /** False when the time was not enough for all processes. */
  readonly whole: boolean;
}

/** Looks for the holders of one session. */
export type SearchHolders = (criteria: HolderCriteria) => Promise<Holders>;

/**
 * Looks at all processes but guestd itself, once for many sessions.
 * @returns the holders of each
 * @throws Error when guest-holders cannot be started, fails, or prints anything else
 */
export async function searchAllHolders(
  sets: readonly HolderCriteria[],
  options?: LookOptions,
): Promise<readonly Holders[]> {
  return readHolders(sets, await readLook("holders", sets, options));
}

/** The same for one session alone. */
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

// What was found before the time was over is said as that.
function noteUnread(criteria: HolderCriteria | undefined, mounts: MountHolder[], pid: number): void {
  const isAsked = (criteria?.label ?? "") !== "" || (criteria?.devices ?? []).length > 0;
  if (isAsked && mounts.at(-1)?.pid !== pid) mounts.push({ pid, path: undefined });
}
