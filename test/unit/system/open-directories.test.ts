import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OpenDirectoriesLook } from "../../../src/system/open-directories.ts";

let root: string;
const uid = process.getuid?.() ?? 0;
const at = (path: string) => join(root, "host", path);
const make = (path: string, mode: number) => {
  mkdirSync(at(path), { recursive: true });
  chmodSync(at(path), mode);
};
const HOST = "1 0 8:1 / / rw - proc x rw";
const mountOf = (id: number, path: string, type: string, options: string) =>
  `${id} 1 8:${id} / ${at(path).replace(/\/$/, "")} ${options} - ${type} x rw`;
const look = (type = "ext4", options = "rw,relatime", owner = uid, ...more: readonly string[]) => {
  writeFileSync(join(root, "mounts"), [HOST, mountOf(2, "", type, options), ...more, ""].join("\n"));
  return new OpenDirectoriesLook({ uid: owner, mounts: join(root, "mounts") });
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-open-"));
  chmodSync(root, 0o755);
  mkdirSync(join(root, "host"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("the search for world-writable directories", () => {
  it("finds them, sticky or not, and does not enter them", async () => {
    make("spool/odd name\n", 0o1777);
    make("scratch", 0o777);
    make("scratch/below", 0o777);
    expect(await look().find()).toEqual({ paths: [at("scratch"), at("spool/odd name\n")], whole: true });
  });

  it("skips those that others cannot reach or write to", async () => {
    make("shut/open", 0o777);
    chmodSync(at("shut"), 0o750);
    make("group", 0o2775);
    writeFileSync(at("file"), "");
    chmodSync(at("file"), 0o666);
    symlinkSync("/tmp", at("link"));
    expect(await look().find()).toEqual({ paths: [], whole: true });
  });

  it("enters no directory that belongs to a user", async () => {
    make("theirs/open", 0o777);
    expect(await look("ext4", "rw", uid + 1).find()).toEqual({ paths: [], whole: true });
  });

  it.each([
    ["is read-only", "ext4", "ro,nosuid"],
    ["is on the network", "nfs4", "rw"],
    ["is a FUSE mount", "fuse.sshfs", "rw"],
    ["is mounted on demand", "autofs", "rw"],
  ])("does not touch a file system that %s", async (_, type, options) => {
    make("open", 0o777);
    expect((await look(type, options).find()).paths).toEqual([]);
  });

  it.each(["nfs4", "fuse.sshfs", "autofs"])("asks no server on the way to a disk mounted below %s", async (type) => {
    make("disk/open", 0o777);
    expect((await look(type, "rw", uid, mountOf(3, "disk", "ext4", "rw")).find()).paths).toEqual([]);
    expect((await look("ext4", "ro", uid, mountOf(3, "disk", "ext4", "rw")).find()).paths).toEqual([at("disk/open")]);
  });

  it("runs once for all callers", async () => {
    const looking = look();
    await looking.find();
    make("later", 0o777);
    expect((await looking.find()).paths).toEqual([]);
  });
});
