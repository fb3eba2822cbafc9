// Reads gettext's catalogs, as msgfmt makes them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseCatalog, readCatalogs } from "../../../src/system/translations.ts";

/** In the format of GNU gettext. */
function makeCatalog(texts: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(texts);
  const tables = 28;
  let offset = tables + entries.length * 16;
  const head = Buffer.alloc(offset);
  [0x950412de, 0, entries.length, tables, tables + entries.length * 8, 0, 0].forEach((number, index) =>
    head.writeUInt32LE(number, index * 4),
  );
  const strings = [0, 1].flatMap((side) =>
    entries.map((entry, index) => {
      const bytes = Buffer.from(`${entry[side] ?? ""}\0`);
      head.writeUInt32LE(bytes.length - 1, tables + (side * entries.length + index) * 8);
      head.writeUInt32LE(offset, tables + (side * entries.length + index) * 8 + 4);
      offset += bytes.length;
      return bytes;
    }),
  );
  return Buffer.concat([head, ...strings]);
}

describe("a catalog", () => {
  it("gives the translations by the English text", () => {
    const catalog = parseCatalog(makeCatalog({ "": "Language: de", yes: "ja", "Full.": "Überfüllt." }));
    expect([...catalog]).toEqual([
      ["", "Language: de"],
      ["yes", "ja"],
      ["Full.", "Überfüllt."],
    ]);
  });

  it.each([Buffer.alloc(0), Buffer.alloc(40), Buffer.from("no catalog, but long enough")])(
    "is empty where it is none",
    (bytes) => {
      expect(parseCatalog(bytes).size).toBe(0);
    },
  );
});

describe("the catalogs", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "guestd-locale-"));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });
  const install = (locale: string, bytes: Buffer) => {
    const directory = join(root, locale, "LC_MESSAGES");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "guestd.mo"), bytes);
  };

  it("are read by locale, and one that is cut off is left out", () => {
    install("de", makeCatalog({ yes: "ja" }));
    install("fr", makeCatalog({ yes: "oui" }).subarray(0, 40));
    mkdirSync(join(root, "nl"));
    const catalogs = readCatalogs(root);
    expect(Object.keys(catalogs)).toEqual(["de"]);
    expect(catalogs["de"]?.get("yes")).toBe("ja");
  });

  it("are none where there is no directory", () => {
    expect(readCatalogs(join(root, "missing"))).toEqual({});
  });
});
