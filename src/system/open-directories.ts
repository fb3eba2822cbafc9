// Finds directories that all users may write to, by find(1). Enters only root's directories that others may search: no
// user controls what it reads, and guests can reach all.
import { execFile } from "node:child_process";
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import type { Mount, MountTree } from "../policy/mounts.ts";
import { isAnsweredAtOnce, treeOf } from "../policy/mounts.ts";
import type { OpenDirectories } from "../policy/open-directories.ts";
import { readMounts } from "./processes/mountinfo.ts";

const FIND = "/usr/bin/find";
/** For all file systems. An administrator waits. */
const LIMIT_MS = 4000;
const FRESH_MS = 600_000;
const MOST_BYTES = 256 * 1024;
/** Network file systems could hang, and kernel file systems have rules of their own. */
const LOCAL = new Set(
  "ext2 ext3 ext4 xfs btrfs f2fs zfs bcachefs jfs reiserfs tmpfs devtmpfs ramfs overlay vfat".split(" "),
);

/** `uid` owns the directories. */
export interface LookedAt {
  readonly uid: number;
  readonly mounts: string;
}

export class OpenDirectoriesLook {
  readonly #machine: LookedAt;
  #last: { readonly at: number; readonly found: Promise<OpenDirectories> } | undefined;

  constructor(machine: LookedAt = { uid: 0, mounts: "/proc/self/mountinfo" }) {
    this.#machine = machine;
  }

  /** Searches at most every ten minutes. */
  find(): Promise<OpenDirectories> {
    const now = performance.now();
    if (this.#last === undefined || now - this.#last.at > FRESH_MS)
      this.#last = { at: now, found: findOpenDirectories(this.#machine) };
    return this.#last.found;
  }
}

async function findOpenDirectories({ uid, mounts }: LookedAt): Promise<OpenDirectories> {
  const end = performance.now() + LIMIT_MS;
  const paths = new Set<string>();
  let whole = true;
  const tree = treeOf(readMounts(mounts));
  for (const mountPoint of listMountPoints(tree).filter((path) => isReachable(path, uid))) {
    const found = await runFind(mountPoint, uid, end - performance.now());
    for (const path of found.paths) paths.add(path);
    whole &&= found.whole;
  }
  return { paths: [...paths].sort(), whole };
}

/** Returns writable mounts of local file systems. A server on the way could block the main thread. */
function listMountPoints(tree: MountTree): string[] {
  const isWritable = ({ type, flags, options }: Mount) =>
    LOCAL.has(type) && !flags.includes("ro") && !options.includes("ro");
  const mountPoints = tree.all.filter(isWritable).map(({ mountPoint }) => mountPoint);
  return [...new Set(mountPoints)].filter((path) => isAnsweredAtOnce(tree, dirname(path)));
}

// Root owns all directories above, and others may search them.
function isReachable(path: string, uid: number): boolean {
  if (path === "/") return true;
  const above = lstatSync(dirname(path), { throwIfNoEntry: false });
  if (above === undefined || (above.uid !== uid && above.uid !== 0) || (above.mode & 0o001) === 0) return false;
  return isReachable(dirname(path), uid);
}

function runFind(mountPoint: string, uid: number, limitMs: number): Promise<OpenDirectories> {
  if (limitMs < 1) return Promise.resolve({ paths: [], whole: false });
  const isShut = ["(", "-type", "d", "(", "!", "-uid", String(uid), "-o", "!", "-perm", "-o=x", ")", "-prune", ")"];
  const isOpen = ["(", "-type", "d", "-perm", "-o=w", "-print0", "-prune", ")"];
  const options = { timeout: Math.ceil(limitMs), killSignal: "SIGKILL", maxBuffer: MOST_BYTES, env: {} } as const;
  return new Promise((resolve) => {
    execFile(
      FIND,
      [mountPoint, "-xdev", "-ignore_readdir_race", ...isShut, "-o", ...isOpen],
      options,
      (error, stdout) => {
        const paths = stdout.split("\0").slice(0, -1);
        // find(1) exits with 1 if it could not look at something, such as a directory under a mount.
        resolve({ paths, whole: error === null || error.code === 1 });
      },
    );
  });
}
