// Reads /proc/PID/mountinfo (proc(5)).
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import type { Mount } from "../../policy/mounts.ts";
import { meansGone } from "../read-file.ts";

export interface MountEntry {
  /** "MAJOR:MINOR" */
  readonly device: string;
  readonly mountPoint: string;
  /** "guest-ID" in a view. */
  readonly source: string;
}

/** Skips invalid lines. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split("\n").flatMap((line) => {
    // "-" ends the optional fields.
    const [before = "", after = ""] = line.split(" - ");
    const [, , device, , mountPoint] = before.split(" ");
    const source = unescapeOctal(after.split(" ")[1] ?? "");
    return device === undefined || mountPoint === undefined
      ? []
      : [{ device, mountPoint: unescapeOctal(mountPoint), source }];
  });
}

/** With all details. */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [id, parent, device, root, mountPoint, flags] = before.split(" ");
    const [type, source = "", options = ""] = after.split(" ");
    if (device === undefined || root === undefined || mountPoint === undefined || type === undefined) return [];
    return {
      id: Number(id),
      parent: Number(parent),
      device,
      root: unescapeOctal(root),
      mountPoint: unescapeOctal(mountPoint),
      flags: flags?.split(",") ?? [],
      type,
      source: unescapeOctal(source),
      options: options.split(",").map(unescapeOctal),
    };
  });
}

/** guestd's mount namespace is the host's. */
export const readMounts = (path = "/proc/self/mountinfo"): Mount[] => parseMounts(readFileSync(path, "utf8"));

/** mountinfo has blanks in octal. */
export const unescapeOctal = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));

const CHUNK_BYTES = 4096;
const NAMESPACE_LIMIT_MS = 300;

/**
 * Reads mounts of many namespaces within a limit. A user can stack so many that the kernel takes minutes to list them.
 */
export class MountReader {
  #leftMs: number;

  /** @param limitMs in all; each namespace gets at most 300 */
  constructor(limitMs: number) {
    this.#leftMs = limitMs;
  }

  /**
   * @returns "late" if the time was up; undefined if the process is gone
   * @throws Error if it cannot be read for another reason
   */
  read(path: string): readonly MountEntry[] | "late" | undefined {
    const start = performance.now();
    try {
      const text = readInTime(path, start + Math.min(NAMESPACE_LIMIT_MS, this.#leftMs));
      return text === undefined ? "late" : parseMountinfo(text);
    } catch (error) {
      if (meansGone(error)) return undefined;
      throw error;
    } finally {
      this.#leftMs -= performance.now() - start;
    }
  }
}

// A read(2) cannot be interrupted, so each is short.
function readInTime(path: string, end: number): string | undefined {
  const fd = openSync(path, "r");
  try {
    const chunks: Buffer[] = [];
    for (;;) {
      if (performance.now() > end) return undefined;
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const length = readSync(fd, chunk);
      if (length === 0) return Buffer.concat(chunks).toString();
      chunks.push(chunk.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
}
