// Finds and reads the files of the configuration; rejects files that others than root can write.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ConfigError, ConfigFile, ConfigResult, Setting } from "./parse.ts";
import { parseConfig } from "./parse.ts";
import { readRootFile } from "./root-file.ts";
import { readTerms } from "./terms.ts";

/** `terms` are the texts of the files named in the configuration. */
export type Loaded =
  | (Extract<ConfigResult, { readonly ok: true }> & { readonly terms: Readonly<Record<string, string>> })
  | Extract<ConfigResult, { readonly ok: false }>;

/** As in systemd: vendor < admin < drop-ins by name. */
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
 * @param owner uid that must own the files
 * @param machineDefaults apply if no file sets them
 * @returns the configuration, or every error
 */
export function loadConfig(
  paths: ConfigPaths = SYSTEM_PATHS,
  owner = 0,
  machineDefaults: readonly Setting[] = [],
): Loaded {
  return loadFiles([paths.vendor, paths.admin, ...listDropIns(paths.dropIns)], owner, false, machineDefaults);
}

/**
 * Reads only the given files.
 * @param required whether a missing file is an error
 * @returns the configuration, or every error
 */
export function loadFiles(
  paths: readonly string[],
  owner = 0,
  required = false,
  machineDefaults: readonly Setting[] = [],
): Loaded {
  const errors: ConfigError[] = [];
  const files: ConfigFile[] = [];
  for (const path of paths) {
    const reading = readRootFile(path, owner);
    if (reading.kind === "read") files.push({ path, text: reading.text });
    if (reading.kind === "fault") errors.push({ file: path, line: 0, message: reading.message });
    if (reading.kind === "missing" && required) errors.push({ file: path, line: 0, message: "is not there" });
  }
  const result = parseConfig(files, machineDefaults);
  if (!result.ok) return { ok: false, errors: [...errors, ...result.errors] };
  const terms = readTerms(result.settings, owner, (error) => errors.push(error));
  return errors.length === 0 ? { ...result, terms } : { ok: false, errors };
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
