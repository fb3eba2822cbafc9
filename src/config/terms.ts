// Reads the terms of use. Rejects a file that some users cannot read, or whose path others than root can redirect.
import type { Stats } from "node:fs";
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { readRootFile } from "./root-file.ts";
import type { ConfigError, Setting } from "./parse.ts";
import { localeOf, baseOf } from "./localized.ts";

/** With the question, it fits into what pam_guest accepts. */
export const MOST_TERMS_BYTES = 8192;

/**
 * @param owner uid that may own them beside root
 * @param onError is called for each rejected file
 * @returns the texts by locale
 */
export function readTerms(
  settings: readonly Setting[],
  owner: number,
  onError: (error: ConfigError) => void,
): Readonly<Record<string, string>> {
  const named = settings.filter(
    ({ section, key, value }) => section === "Notice" && baseOf(key) === "Terms" && value !== "",
  );
  const read = named.flatMap(({ key, value, origin }) => {
    const found = readTermsFile(value, owner);
    if (found.kind === "read") return [[localeOf(key), found.text] as const];
    onError({ file: origin, line: 0, message: `${key}=${value}: ${found.message}` });
    return [];
  });
  return Object.fromEntries(read);
}

type Reading = { readonly kind: "read"; readonly text: string } | { readonly kind: "fault"; readonly message: string };

function readTermsFile(path: string, owner: number): Reading {
  const way = findWayFault(path, owner);
  if (way !== undefined) return { kind: "fault", message: way };
  const reading = readRootFile(path, owner);
  if (reading.kind === "missing") return { kind: "fault", message: "is not there" };
  if (reading.kind === "fault") return reading;
  const message =
    findTextFault(reading.text) ?? (reading.isPublic ? undefined : `cannot be read by all: chmod a+r ${path}`);
  return message === undefined ? reading : { kind: "fault", message };
}

function findTextFault(text: string): string | undefined {
  if (text.includes("\uFFFD")) return "is not UTF-8";
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/.test(text)) return "has control characters";
  if (text.trim() === "") return "is empty";
  return Buffer.byteLength(text) > MOST_TERMS_BYTES ? `is larger than ${MOST_TERMS_BYTES / 1024} KiB` : undefined;
}

// In a directory with the sticky bit, others cannot replace files they do not own.
function findWayFault(path: string, owner: number): string | undefined {
  for (let name = path; name !== "/"; name = dirname(name)) {
    const found = lstatSync(name, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() === true) return `leads over a symbolic link, ${name}: name the real path`;
    if (found !== undefined && isOthers(found, owner))
      return `is where others than root can put another file: chown root ${name}; chmod go-w ${name}`;
  }
  return undefined;
}

function isOthers(found: Stats, owner: number): boolean {
  const isOpen = found.isDirectory() && (found.mode & 0o022) !== 0 && (found.mode & 0o1000) === 0;
  return isOpen || (found.uid !== 0 && found.uid !== owner);
}
