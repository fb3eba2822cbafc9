// Reads gettext's catalogs, which msgfmt makes of packaging/po.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Translations by the English text. */
export type Catalog = ReadonlyMap<string, string>;

const MAGIC = 0x950412de;
const HEADER_BYTES = 20;

/**
 * Parses a little-endian catalog.
 * @throws RangeError if it is cut off
 * @see GNU gettext manual, "The Format of GNU MO Files"
 */
export function parseCatalog(bytes: Buffer): Catalog {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return new Map();
  const count = bytes.readUInt32LE(8);
  const textAt = (table: number, index: number) => {
    const length = bytes.readUInt32LE(table + index * 8);
    const start = bytes.readUInt32LE(table + index * 8 + 4);
    return bytes.toString("utf8", start, start + length);
  };
  const [originals, translations] = [bytes.readUInt32LE(12), bytes.readUInt32LE(16)];
  return new Map(Array.from({ length: count }, (_, index) => [textAt(originals, index), textAt(translations, index)]));
}

/** Catalogs by locale. Without one guests read English. */
export function readCatalogs(directory = "/usr/share/locale"): Readonly<Record<string, Catalog>> {
  const catalogs: Record<string, Catalog> = {};
  for (const locale of listDirectory(directory))
    try {
      catalogs[locale] = parseCatalog(readFileSync(join(directory, locale, "LC_MESSAGES", "guestd.mo")));
    } catch {
      // Most locales have none.
    }
  return catalogs;
}

function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
