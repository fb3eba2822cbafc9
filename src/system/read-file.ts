// Reads files of /proc and /sys that can go away at any time. "Could not look" is never taken for "is not there".
import { readFileSync, readlinkSync } from "node:fs";

/** What the kernel answers when the process or the directory has gone; EINVAL for the mounts of one that is going. */
const GONE = new Set(["ENOENT", "ESRCH", "ENODEV", "ENOTDIR", "EINVAL"]);

/** Whether an error says that what was looked for is not there. */
export function meansGone(error: unknown): boolean {
  return GONE.has((error as NodeJS.ErrnoException).code ?? "");
}

/**
 * The text of a file; undefined when it is not there.
 * @throws Error when it cannot be read for another reason (EMFILE, EIO, EACCES)
 */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (meansGone(error)) return undefined;
    throw error;
  }
}

/**
 * What a symbolic link says; undefined when it is not there.
 * @throws Error when it cannot be read for another reason
 */
export function readLinkIfThere(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (meansGone(error)) return undefined;
    throw error;
  }
}
