// Unmounts an account's media of udisks, and names processes that use them. Touches nothing below a medium, and no
// directory that others than root can change.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { lstat, readdir, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { geteuid } from "node:process";
import { promisify } from "node:util";
import type { Mount } from "../../policy/mounts.ts";
import type { SearchHolders } from "../processes/holder-search.ts";
import { nameFiles } from "../processes/holders.ts";
import { parseMounts } from "../processes/mountinfo.ts";
import { meansGone } from "../read-file.ts";
import type { Item, SweptItems } from "./items.ts";
import { sweepItems } from "./items.ts";
import { resolveLinks } from "./paths.ts";

/** udisks has a directory for each user, and below it for each medium. */
const MEDIA_PATHS = ["/media", "/run/media"] as const;
const UMOUNT = "/usr/bin/umount";
const OPEN_TO_OTHERS = 0o022;
const MOST_HOLDERS = 3;

export interface MediaMachine {
  /** Prefix of each path, except in mountinfo. */
  readonly root: string;
  readonly unmount: typeof unmountMedium;
  readonly search: SearchHolders;
}

/**
 * Unmounts in a separate process: cached writes can take minutes. Does not resolve the path, because a medium that was
 * pulled out may not answer.
 * @throws Error with the message of umount(8)
 */
export async function unmountMedium(path: string): Promise<void> {
  try {
    await promisify(execFile)(UMOUNT, ["--internal-only", "--no-canonicalize", "--", path], { env: {} });
  } catch (error) {
    const { stderr = "", message } = error as Error & { readonly stderr?: string };
    const [line = ""] = stderr.split("\n");
    throw new Error(line.replace(/^umount: .*: /, "") || message, { cause: error });
  }
}

/** @throws Error if the media cannot be looked at */
export function sweepMedia(machine: MediaMachine, user: string): Promise<SweptItems> {
  return sweepItems(async () => {
    const mounts = parseMounts(readFileSync(join(machine.root, "/proc/self/mountinfo"), "utf8"));
    const paths = await resolveLinks(MEDIA_PATHS.map((path) => join(machine.root, path)));
    const found = await Promise.all(paths.map((path) => listMedia(machine, join(path, user), mounts)));
    return found.flat();
  });
}

async function listMedia(machine: MediaMachine, directory: string, mounts: readonly Mount[]): Promise<Item[]> {
  const isRoots = await belongsToRoot(directory);
  if (isRoots === undefined) return [];
  const entries = await readdir(directory, { withFileTypes: true });
  const mounted = mounts.filter(({ mountPoint }) => dirname(mountPoint) === directory);
  const names = [
    ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => name),
    ...mounted.map(({ mountPoint }) => basename(mountPoint)),
  ];
  return [...new Set(names)].map((name) => {
    const path = join(directory, name);
    const here = mounted.filter(({ mountPoint }) => mountPoint === path);
    return {
      sentence: `${path} is still ${here.length > 0 ? "mounted" : "there"}`,
      remove: () => {
        if (!isRoots) throw new Error(`others than root can change ${directory}`);
        return removeMedium(machine, path, here);
      },
    };
  });
}

/** Undefined if there is no such directory. */
async function belongsToRoot(directory: string): Promise<boolean | undefined> {
  try {
    const found = await lstat(directory);
    // A link's target is not the account's. guestd's UID is root's.
    return found.isDirectory() ? found.uid === geteuid?.() && (found.mode & OPEN_TO_OTHERS) === 0 : undefined;
  } catch (error) {
    if (meansGone(error)) return undefined;
    throw error;
  }
}

// Media can be stacked at one path.
async function removeMedium({ unmount, search }: MediaMachine, path: string, mounts: readonly Mount[]): Promise<void> {
  for (const { device } of [...mounts].reverse()) {
    try {
      await unmount(path);
    } catch (error) {
      const holders = await nameHolders(search, device);
      throw holders === "" ? error : new Error(holders, { cause: error });
    }
  }
  await rmdir(path);
}

async function nameHolders(search: SearchHolders, device: string): Promise<string> {
  const { files } = await search({ label: undefined, devices: [device], uid: undefined, namespaces: [] });
  const names = nameFiles("/proc", files.slice(0, MOST_HOLDERS));
  return [...names, ...(files.length > MOST_HOLDERS ? ["and more"] : [])].join(", ");
}
