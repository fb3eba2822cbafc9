// Removes an account's name where greeters remember the last login.
import { constants } from "node:fs";
import { open, readlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { meansGone } from "../read-file.ts";
import type { Item, SweptItems } from "./items.ts";
import { reasonOf, sweepItems } from "./items.ts";
import type { Owner } from "./paths.ts";
import { resolveLinks } from "./paths.ts";

/** By the greeters' home: LightDM's GTK greeter (later with the seat), slick greeter, and SDDM if told to remember. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  "/var/lib/lightdm": [
    ".cache/lightdm-gtk-greeter/state",
    ".cache/lightdm-gtk-greeter/seat0/state",
    ".cache/slick-greeter/state",
  ],
  "/var/lib/sddm": ["state.conf"],
};
const MOST_BYTES = 64 * 1024;

export const sweepGreeters = (root: string, { user }: Pick<Owner, "user">): Promise<SweptItems> =>
  sweepItems(async () => {
    const homes = Object.entries(FILES).map(async ([home, names]) => {
      const found = (await resolveLinks([join(root, home)])).flatMap((at) =>
        names.map((name) => findLines(join(at, name), user)),
      );
      return (await Promise.all(found)).flat();
    });
    return (await Promise.all(homes)).flat();
  });

async function findLines(path: string, user: string): Promise<Item[]> {
  try {
    const text = await withFile(path, constants.O_RDONLY, readAll);
    if (withoutName(text, user) === text) return [];
    const sentence = `${path} still names ${user}`;
    return [{ sentence, remove: () => withFile(path, constants.O_RDWR, (file) => rewrite(file, user)) }];
  } catch (error) {
    return meansGone(error) ? [] : [{ sentence: `${path} could not be looked at (${reasonOf(error)})` }];
  }
}

/** Key files of GLib and Qt assign the name to a key. */
const withoutName = (text: string, user: string): string =>
  text
    .split("\n")
    .filter((line) => line.slice(line.indexOf("=") + 1).trim() !== user || !line.includes("="))
    .join("\n");

/**
 * Safe: greeters' users own the directories, and can put links there. A file that is not really at this path, or has
 * another name, is left alone.
 */
async function withFile<T>(path: string, mode: number, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, mode | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = await file.stat();
    const isAtPath = (await readlink(`/proc/self/fd/${file.fd}`)) === path;
    if (!isAtPath || !stats.isFile() || stats.nlink !== 1 || stats.size > MOST_BYTES)
      throw new Error("it is another file");
    return await use(file);
  } finally {
    await file.close();
  }
}

async function readAll(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

// latin1 keeps each byte as one character. Names are ASCII.
async function rewrite(file: FileHandle, user: string): Promise<void> {
  const text = withoutName(await readAll(file), user);
  await file.truncate(0);
  await file.write(text, 0, "latin1");
}
