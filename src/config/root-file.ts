// Reads a file that only root may be able to write.
import type { Stats } from "node:fs";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

const MAX_BYTES = 1024 * 1024;

export type Reading =
  | { readonly kind: "read"; readonly text: string; readonly isPublic: boolean }
  | { readonly kind: "missing" }
  | { readonly kind: "fault"; readonly message: string };

/**
 * Checks the opened file, because its name can be replaced meanwhile. O_NONBLOCK: a FIFO must not block root.
 * @param owner uid that must own it
 */
export function readRootFile(path: string, owner: number): Reading {
  let fd;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? { kind: "missing" } : { kind: "fault", message };
  }
  try {
    const stat = fstatSync(fd);
    const message = findFileFault(path, stat, owner);
    if (message !== undefined) return { kind: "fault", message };
    return { kind: "read", text: readFileSync(fd, "utf8"), isPublic: (stat.mode & 0o444) === 0o444 };
  } finally {
    closeSync(fd);
  }
}

function findFileFault(path: string, stat: Stats, owner: number): string | undefined {
  if (!stat.isFile()) return "is not a regular file";
  if (stat.uid !== owner) return `belongs to uid ${stat.uid}; it must belong to root: chown root ${path}`;
  if ((stat.mode & 0o022) !== 0) return `can be written by others than root: chmod go-w ${path}`;
  return stat.size > MAX_BYTES ? "is larger than 1 MiB" : undefined;
}
