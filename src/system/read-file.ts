// Reads files of /proc and /sys that can disappear, and administrators' files, which can be anything. Never takes
// "could not look" for "is not there".
import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, readSync } from "node:fs";

/** EINVAL for the mounts of a process that is going. */
const GONE = new Set(["ENOENT", "ESRCH", "ENODEV", "ENOTDIR", "EINVAL"]);

export function meansGone(error: unknown): boolean {
  return GONE.has((error as NodeJS.ErrnoException).code ?? "");
}

/**
 * Undefined if the file is not there.
 * @throws Error if it cannot be read for another reason (EMFILE, EIO, EACCES)
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
 * Undefined if the link is not there.
 * @throws Error if it cannot be read for another reason
 */
export function readLinkIfThere(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (meansGone(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the first bytes of a regular file; undefined if it is not there. Never blocks.
 * @throws Error with a sentence if it cannot be read
 */
export function readStart(file: string, mostBytes: number): string | undefined {
  let fd;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${file} cannot be read: ${String((error as NodeJS.ErrnoException).code)}`, { cause: error });
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${file} is not a file`);
    const buffer = Buffer.alloc(mostBytes);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, mostBytes, 0));
  } finally {
    closeSync(fd);
  }
}
