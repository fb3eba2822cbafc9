// Removes NetworkManager's connections of one account alone, with their secrets.
import { readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { meansGone } from "../read-file.ts";
import type { Item, SweptItems } from "./items.ts";
import { reasonOf, sweepItems } from "./items.ts";

/** Owned by root, like their files. */
const DIRECTORIES = ["/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections"] as const;

/**
 * @param reload makes NetworkManager forget missing files
 * @throws Error if the connections cannot be looked at
 */
export async function sweepConnections(root: string, user: string, reload: () => Promise<void>): Promise<SweptItems> {
  const paths = DIRECTORIES.map((path) => join(root, path));
  const swept = await sweepItems(async () =>
    (await Promise.all(paths.map((path) => listConnections(path, user)))).flat(),
  );
  if (swept.removed === 0) return swept;
  try {
    await reload();
    return swept;
  } catch (error) {
    return { ...swept, left: [...swept.left, `NetworkManager has not read that they are gone: ${reasonOf(error)}`] };
  }
}

async function listConnections(directory: string, user: string): Promise<Item[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (meansGone(error)) return [];
    throw error;
  });
  const items: Item[] = [];
  for (const path of names.map((name) => join(directory, name))) {
    if (await isOnlyFor(path, user)) items.push({ sentence: `${path} is still there`, remove: () => unlink(path) });
  }
  return items;
}

// nm-settings-keyfile(5): "user:NAME:;" for each user. Names have no line break.
async function isOnlyFor(path: string, user: string): Promise<boolean> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (meansGone(error)) return "";
    throw error;
  });
  const [, users = ""] = /^permissions=(.*)$/m.exec(text) ?? [];
  return /^user:([^:;]+):?;?$/.exec(users.trim())?.[1] === user;
}
