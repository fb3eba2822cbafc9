// Files outside an account's view: by name below root's directories, others by owner.
import { lstat, readdir, realpath, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Config } from "../../config/schema.ts";
import type { Account } from "../../policy/account.ts";
import type { Mount, MountTree } from "../../policy/mounts.ts";
import { isAnsweredAtOnce, treeOf } from "../../policy/mounts.ts";
import { pathExists } from "../path-look.ts";
import { readMounts } from "../processes/mountinfo.ts";
import { meansGone } from "../read-file.ts";
import { followKnownLinks } from "../sessions/links.ts";
import type { Item, SweepBindings, SweptItems } from "./items.ts";
import { addItems, NOTHING, reasonOf, sweepItems, unseenOf } from "./items.ts";

/** Milliseconds. Two looks end within the limit of a class. */
const LOOK_LIMIT_MS = 4500;

export interface SweepPaths {
  /** Files and empty directories with the account's name. */
  readonly names?: readonly string[];
  /** The same, where the account's file system can be mounted. */
  readonly mounts?: readonly string[];
  /** A service removes these itself. */
  readonly watched?: readonly string[];
  /** Every file below with the UID is the account's. */
  readonly trees?: readonly string[];
}

export interface FileServers {
  readonly listMounts: () => readonly Mount[];
  /** Rejects with a sentence if the path's server does not answer. */
  readonly ask: (path: string) => Promise<unknown>;
}

const SERVERS: FileServers = { listMounts: () => readMounts(), ask: (path) => pathExists(path) };

export type Owner = Pick<Account, "user" | "uid">;

/** They can contain other users' directories. */
const TREES = {
  jobs: ["/var/spool/cron", "/var/spool/at"],
  mail: ["/var/mail", "/var/spool/mail"],
  runtime: ["/var/lib/lightdm-data", "/var/lib/lightdm/data"],
} as const;

/** The walk searches these, too. */
export const SERVICE_TREES: readonly string[] = Object.values(TREES).flat();

/** Crontabs (crontab(1)), and jobs of at. Jobs have other names, as do crontabs elsewhere. */
export const jobPaths = ({ user }: Owner): SweepPaths => ({
  names: [`/var/spool/cron/crontabs/${user}`, `/var/spool/cron/${user}`],
  trees: TREES.jobs,
});

/** See loginctl(1), enable-linger. */
export const lingerPaths = ({ user }: Owner): SweepPaths => ({ names: [`/var/lib/systemd/linger/${user}`] });

export const mailPaths = ({ user }: Owner): SweepPaths => ({
  names: [`/var/mail/${user}`, `/var/spool/mail/${user}`],
  trees: TREES.mail,
});

/**
 * What services remember: sudo (sudoers_timestamp(5), by UID since 1.9.15), pam_faillock(8), accounts-daemon, LightDM's
 * cache of ~/.dmrc and its user data, udisks.
 */
export const runtimePaths = ({ user, uid }: Owner): SweepPaths => ({
  // The guest's memory limit can end the program that unmounts it for logind.
  mounts: [`/run/user/${uid}`],
  names: [
    ...[user, uid].flatMap((key) => [`/run/sudo/ts/${key}`, `/var/lib/sudo/lectured/${key}`]),
    `/run/faillock/${user}`,
    `/var/lib/AccountsService/users/${user}`,
    `/var/lib/AccountsService/icons/${user}`,
    `/var/cache/lightdm/dmrc/${user}.dmrc`,
    `/media/${user}`,
    `/run/media/${user}`,
  ],
  watched: [`/run/systemd/users/${uid}`],
  trees: TREES.runtime,
});

/** @throws Error if the paths cannot be looked at */
export async function sweepPaths(
  bindings: Pick<SweepBindings, "sweepFiles" | "unmount">,
  root: string,
  { names = [], mounts = [], watched = [], trees = [] }: SweepPaths,
  uid: number,
  servers: FileServers = SERVERS,
): Promise<SweptItems> {
  const below = (paths: readonly string[]) => paths.map((path) => join(root, path));
  // First, in the addon: a silent file server must not hold one of Node's few threads.
  const byOwner = await sweepTrees(bindings, await resolveLinks(below(trees)), uid);
  const look = async () => [
    ...(await findNamed(below(names), servers)),
    ...(await findNamed(below(mounts), servers, (path) => removeMountPoint(bindings, path))),
    ...(await findNamed(below(watched), servers)).map(({ sentence }) => ({ sentence })),
  ];
  return addItems(await sweepItems(look), byOwner);
}

/**
 * Removes a UID's files where that UID could write.
 * @throws Error if they cannot be looked at
 */
export async function sweepTrees(
  bindings: Pick<SweepBindings, "sweepFiles">,
  directories: readonly string[],
  uid: number,
): Promise<SweptItems> {
  if (directories.length === 0) return NOTHING;
  const { found, removed } = await bindings.sweepFiles(directories, uid, true, LOOK_LIMIT_MS);
  const second = await bindings.sweepFiles(directories, uid, false, LOOK_LIMIT_MS);
  const left = [...second.left];
  if (left.length === 0 && second.found > 0) left.push(`${second.found} files of the account are still there`);
  return { found: Math.max(found, second.found), removed, left, ...unseenOf(second.unseen) };
}

// A directory can have two names, and is searched once. Opening an unresolved path reports its error. Paths that would
// block a thread of Node are not resolved.
export async function resolveLinks(
  directories: readonly string[],
  mounts: readonly Mount[] = readMounts(),
  resolvePath: (path: string) => Promise<string> = realpath,
): Promise<string[]> {
  const tree = treeOf(mounts);
  const resolved = directories.map(async (path) => {
    const known = followKnownLinks(path, mounts);
    if (!isAnsweredAtOnce(tree, known)) return known;
    return resolvePath(path).catch((error: unknown) => (meansGone(error) ? [] : path));
  });
  return [...new Set((await Promise.all(resolved)).flat())];
}

async function removeMountPoint({ unmount }: Pick<SweepBindings, "unmount">, path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (reasonOf(error) !== "EBUSY") throw error;
    unmount(path);
    await rmdir(path);
  }
}

async function findNamed(
  paths: readonly string[],
  { listMounts, ask }: FileServers,
  removeDirectory: (path: string) => Promise<void> = (path) => rmdir(path),
): Promise<Item[]> {
  const mounts = listMounts();
  const tree = treeOf(mounts);
  const resolved = await Promise.all(
    paths.map(async (path) =>
      (await resolveLinks([dirname(path)], mounts)).map((directory) => join(directory, basename(path))),
    ),
  );
  const items: Item[] = [];
  for (const path of new Set(resolved.flat())) {
    const silence = await findSilence(path, tree, ask);
    const item = silence === undefined ? await findItem(path, removeDirectory) : { sentence: silence };
    if (item !== undefined) items.push(item);
  }
  return items;
}

async function findItem(path: string, removeDirectory: (path: string) => Promise<void>): Promise<Item | undefined> {
  try {
    const isDirectory = (await lstat(path)).isDirectory();
    const remove = () => (isDirectory ? removeDirectory(path) : unlink(path));
    return { sentence: `${path} is still there`, remove };
  } catch (error) {
    return meansGone(error) ? undefined : { sentence: `${path} could not be looked at (${reasonOf(error)})` };
  }
}

/** Returns why a path is not looked at: its silent file server would block a thread. */
export async function findSilence(path: string, tree: MountTree, ask: FileServers["ask"]): Promise<string | undefined> {
  if (isAnsweredAtOnce(tree, path)) return undefined;
  return ask(path).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
}

/** core.COMM.UID.BOOT.PID.TIME with a suffix; COMM has no dot. ".#" while it is written. */
const COREDUMP = /^(?:\.#)?core\.[^.]*\.(\d+)\.[0-9a-f]{32}\.\d+\.\d+/;

/** @throws Error if the directory cannot be read */
export async function sweepCoredumps(
  root: string,
  uid: number,
  policy: Config["Sweep"]["Coredumps"],
): Promise<SweptItems> {
  const look = () => listCoredumps(join(root, "/var/lib/systemd/coredump"), uid);
  return policy === "keep" ? { ...NOTHING, found: (await look()).length } : sweepItems(look);
}

async function listCoredumps(directory: string, uid: number): Promise<Item[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (meansGone(error)) return [];
    throw error;
  });
  const dumps = names.filter((name) => COREDUMP.exec(name)?.[1] === String(uid));
  return dumps.map((name) => ({
    sentence: `the dump ${name} is still there`,
    remove: () => unlink(join(directory, name)),
  }));
}
