// Finds and reads the files of the configuration. A file that others than root can write decides nothing.
// What stands in them is parse.ts.
import type { Stats } from "node:fs";
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigError, ConfigFile, ConfigResult, Setting } from "./parse.ts";
import { parseConfig } from "./parse.ts";

const MAX_BYTES = 1024 * 1024;

/** Where the configuration is, as in systemd: vendor < admin < drop-ins in the order of their names. */
export interface ConfigPaths {
  readonly vendor: string;
  readonly admin: string;
  readonly dropIns: string;
}

export const SYSTEM_PATHS: ConfigPaths = {
  vendor: "/usr/lib/guestd/guestd.conf",
  admin: "/etc/guestd/guestd.conf",
  dropIns: "/etc/guestd/guestd.conf.d",
};

/**
 * Reads all of the configuration.
 * @param paths of the files; tests give others
 * @param owner uid that must own them
 * @param machineDefaults hold where no file sets them
 * @returns the configuration, or every error with file and line
 */
export function loadConfig(
  paths: ConfigPaths = SYSTEM_PATHS,
  owner = 0,
  machineDefaults: readonly Setting[] = [],
): ConfigResult {
  return loadFiles([paths.vendor, paths.admin, ...listDropIns(paths.dropIns)], owner, false, machineDefaults);
}

/**
 * Reads the given files alone.
 * @param required whether a file that is not there is an error; otherwise it is passed over
 * @param machineDefaults as of loadConfig()
 * @returns the configuration, or every error of reading and of contents
 */
export function loadFiles(
  paths: readonly string[],
  owner = 0,
  required = false,
  machineDefaults: readonly Setting[] = [],
): ConfigResult {
  const errors: ConfigError[] = [];
  const files: ConfigFile[] = [];
  for (const path of paths) {
    const reading = readConfigFile(path, owner);
    if (reading.kind === "read") files.push({ path, text: reading.text });
    if (reading.kind === "fault") errors.push({ file: path, line: 0, message: reading.message });
    if (reading.kind === "missing" && required) errors.push({ file: path, line: 0, message: "is not there" });
  }
  const result = parseConfig(files, machineDefaults);
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

type Reading =
  | { readonly kind: "read"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "fault"; readonly message: string };

// The opened file is checked and not its name, so that it cannot be exchanged in between.
// O_NONBLOCK: a FIFO put there must not stall a root process.
function readConfigFile(path: string, owner: number): Reading {
  let fd;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? { kind: "missing" } : { kind: "fault", message };
  }
  try {
    const message = findFileFault(path, fstatSync(fd), owner);
    return message === undefined ? { kind: "read", text: readFileSync(fd, "utf8") } : { kind: "fault", message };
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
