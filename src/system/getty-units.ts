// Reads the administrator's units of agetty(8). policy/ghost-rules.ts judges.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { UnitFile } from "../policy/ghost-rules.ts";
import { readStart } from "./read-file.ts";

/** Packages' units do not name the ghost. */
const DIRECTORIES = ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system"];
const MOST_BYTES = 64 * 1024;
const MOST_FILES = 1000;

/** Reads services and their drop-ins. Skips unreadable ones. */
export function readGettyUnits(directories = DIRECTORIES): readonly UnitFile[] {
  const files = directories.flatMap((directory) =>
    listNames(directory).flatMap((name) => {
      const path = join(directory, name);
      if (name.endsWith(".service")) return [path];
      if (!name.endsWith(".service.d")) return [];
      return listNames(path).flatMap((dropIn) => (dropIn.endsWith(".conf") ? [join(path, dropIn)] : []));
    }),
  );
  return files.slice(0, MOST_FILES).flatMap((file) => {
    const text = readText(file);
    return text.includes("agetty") ? [{ file, text }] : [];
  });
}

function listNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readStart(file, MOST_BYTES) ?? "";
  } catch {
    return "";
  }
}
