// Finds and reads the files of the configuration. A file that others than root can write decides nothing.
// What stands in them is parse.ts.
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigError, ConfigFile, ConfigResult } from "./parse.ts";
import { parseConfig } from "./parse.ts";

const MAX_BYTES = 1024 * 1024;

/** Where the configuration is, as in systemd: vendor < admin < drop-ins in the order of their names. */
export interface ConfigPlaces {
  readonly vendor: string;
  readonly admin: string;
  readonly dropIns: string;
}

export const SYSTEM_PLACES: ConfigPlaces = {
  vendor: "/usr/lib/guestd/guestd.conf",
  admin: "/etc/guestd/guestd.conf",
  dropIns: "/etc/guestd/guestd.conf.d",
};

/**
 * Reads all of the configuration.
 * @param places the files; tests give others
 * @param owner uid that must own them
 * @returns the configuration, or every error with file and line
 */
export function loadConfig(places: ConfigPlaces = SYSTEM_PLACES, owner = 0): ConfigResult {
  return loadFiles([places.vendor, places.admin, ...listDropIns(places.dropIns)], owner);
}

/**
 * Reads the given files alone.
 * @param required whether a file that is not there is an error; otherwise it is passed over
 * @returns the configuration, or every error of reading and of contents
 */
export function loadFiles(paths: readonly string[], owner = 0, required = false): ConfigResult {
  const errors: ConfigError[] = [];
  const files = paths.flatMap((path) => readConfigFile(path, owner, required, errors) ?? []);
  const result = parseConfig(files);
  if (errors.length === 0) return result;
  return { ok: false, errors: [...errors, ...(result.ok ? [] : result.errors)] };
}

function listDropIns(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".conf") && !name.startsWith("."))
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

// The opened file is checked and not its name, so that it cannot be exchanged in between.
// O_NONBLOCK: a FIFO put there must not stall a root process.
function readConfigFile(path: string, owner: number, required: boolean, errors: ConfigError[]): ConfigFile | undefined {
  const fail = (message: string) => {
    errors.push({ file: path, line: 0, message });
    return undefined;
  };
  let fd;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") return fail((error as Error).message);
    return required ? fail("is not there") : undefined;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return fail("is not a regular file");
    if (stat.uid !== owner) return fail(`belongs to uid ${stat.uid}; it must belong to root: chown root ${path}`);
    if ((stat.mode & 0o022) !== 0) return fail(`can be written by others than root: chmod go-w ${path}`);
    if (stat.size > MAX_BYTES) return fail("is larger than 1 MiB");
    return { path, text: readFileSync(fd, "utf8") };
  } finally {
    closeSync(fd);
  }
}
