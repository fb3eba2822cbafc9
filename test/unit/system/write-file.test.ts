import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listNames, replaceDurably, replaceFile, UNFINISHED } from "../../../src/system/write-file.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-write-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const WAYS = [
  [
    "replaceFile",
    (file: string, text: string) =>
      Promise.resolve().then(() => {
        replaceFile(file, text);
      }),
  ],
  ["replaceDurably", replaceDurably],
] as const;

describe.each(WAYS)("%s", (_, write) => {
  it("makes directories that only root can read", async () => {
    const file = join(root, "a/b/c");
    await write(file, "text");
    expect(readFileSync(file, "utf8")).toBe("text");
    expect([join(root, "a"), join(root, "a/b")].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("replaces the old text, and leaves no other file", async () => {
    const file = join(root, "file");
    await write(file, "a longer text that was there");
    await write(file, "new");
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(readdirSync(root)).toEqual(["file"]);
  });

  it("is not misled by a partial earlier write, even a longer one", async () => {
    const file = join(root, "file");
    writeFileSync(`${file}${UNFINISHED}`, "x".repeat(1000));
    await write(file, "new");
    expect(readFileSync(file, "utf8")).toBe("new");
  });

  it("keeps the old text when it cannot be replaced, and reports that", async () => {
    const file = join(root, "file");
    await write(file, "old");
    mkdirSync(`${file}${UNFINISHED}`);
    await expect(write(file, "new")).rejects.toThrow();
    expect(readFileSync(file, "utf8")).toBe("old");
  });

  it("leaves no descriptor open, on success or failure", async () => {
    const count = () => readdirSync("/proc/self/fd").length;
    const before = count();
    mkdirSync(join(root, "directory/inside"), { recursive: true });
    for (let times = 0; times < 20; times++) {
      await write(join(root, "file"), "text");
      await expect(write(join(root, "directory"), "text")).rejects.toThrow();
    }
    expect(count()).toBe(before);
  });
});

describe("listNames", () => {
  it("returns none for a missing directory, and throws for an unreadable one", () => {
    expect(listNames(join(root, "none"))).toEqual([]);
    writeFileSync(join(root, "file"), "");
    expect(() => listNames(join(root, "file"))).toThrow();
    expect(listNames(root)).toEqual(["file"]);
    expect(existsSync(join(root, "file"))).toBe(true);
  });
});
