// Terms= needs files of root's, at a path of root's, that all users can read.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadFiles } from "../../../src/config/load.ts";
import { formatConfigError } from "../../../src/config/parse.ts";
import { MOST_TERMS_BYTES } from "../../../src/config/terms.ts";

const OWNER = process.getuid?.() ?? 0;
let root: string;
let file: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-terms-"));
  file = join(root, "terms.txt");
  write("Be kind.\n");
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(text: string | Buffer, path = file): void {
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}

function load(...lines: string[]) {
  const conf = join(root, "guestd.conf");
  write(["[Notice]", ...lines].join("\n"), conf);
  const result = loadFiles([conf], OWNER, true);
  return result.ok ? result.terms : result.errors.map((error) => formatConfigError(error).replaceAll(`${root}/`, ""));
}

describe("Terms=", () => {
  it("is empty by default", () => {
    expect(load()).toEqual({});
    expect(load(`Terms=${file}`, "Terms=")).toEqual({});
  });

  it("is read in each language", () => {
    write("Seid nett.\n", join(root, "de"));
    expect(load(`Terms=${file}`, `Terms[de]=${join(root, "de")}`)).toEqual({ "": "Be kind.\n", de: "Seid nett.\n" });
  });

  const replace = (by: () => void) => () => {
    rmSync(file);
    by();
  };
  const mode = (path: () => string, bits: number) => () => {
    chmodSync(path(), bits);
  };
  const say = (text: string | Buffer) => () => {
    write(text);
  };

  it.each<[string, () => void]>([
    ["is not there", replace(() => undefined)],
    ["is not a regular file", replace(() => mkdirSync(file))],
    ["leads over a symbolic link", replace(() => symlinkSync("/etc/hostname", file))],
    ["can be written by others than root: chmod go-w", mode(() => file, 0o664)],
    ["cannot be read by all: chmod a+r", mode(() => file, 0o640)],
    ["is where others than root can put another file: chown root", mode(() => root, 0o777)],
    ["is empty", say(" \n")],
    ["is not UTF-8", say(Buffer.from([0x42, 0xff]))],
    ["has control characters", say("\u001b[2J")],
    ["has control characters", say("a\u0000b")],
    ["has control characters", say("a\u009bb")],
    [`is larger than ${MOST_TERMS_BYTES / 1024} KiB`, say("ä".repeat(MOST_TERMS_BYTES / 2) + "a")],
  ])("refuses a file that %s", (message, spoil) => {
    spoil();
    expect(load(`Terms=${file}`)).toEqual([expect.stringContaining(`guestd.conf:2: Terms=terms.txt: ${message}`)]);
  });

  it("reports each bad file, with the line", () => {
    expect(load("Login=yes", "Terms=/nowhere/a", "Terms[de]=/nowhere/b")).toEqual([
      "guestd.conf:3: Terms=/nowhere/a: is not there",
      "guestd.conf:4: Terms[de]=/nowhere/b: is not there",
    ]);
  });

  it("accepts a file of the maximum size", () => {
    write("ä".repeat(MOST_TERMS_BYTES / 2));
    expect(load(`Terms=${file}`)).toHaveProperty([""]);
  });
});
