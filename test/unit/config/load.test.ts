import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig, loadFiles } from "../../../src/config/load.ts";
import { listMachineDefaults } from "../../../src/config/machine-defaults.ts";

const me = process.getuid?.() ?? 0;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-load-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const write = (name: string, text: string | Buffer, mode = 0o644) => {
  writeFileSync(join(root, name), text);
  chmodSync(join(root, name), mode);
  return join(root, name);
};
const errorsOf = (result: ReturnType<typeof loadFiles>) =>
  result.ok ? [] : result.errors.map(({ message }) => message);

describe("loadFiles refuses", () => {
  it("a file that others can write", () => {
    expect(errorsOf(loadFiles([write("a.conf", "[Guests]\n", 0o666)], me))).toEqual([
      expect.stringContaining("can be written by others"),
    ]);
  });

  it("a file of another owner", () => {
    expect(errorsOf(loadFiles([write("a.conf", "")], me + 1))).toEqual([
      expect.stringContaining("it must belong to root"),
    ]);
  });

  it("a FIFO, without waiting for a writer", () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    expect(errorsOf(loadFiles([join(root, "pipe")], me))).toEqual(["is not a regular file"]);
  });

  it("a directory", () => {
    mkdirSync(join(root, "dir"));
    expect(errorsOf(loadFiles([join(root, "dir")], me))).toEqual(["is not a regular file"]);
  });

  it("a value that is not UTF-8", () => {
    const bytes = Buffer.from("# f\xFCr\n[View]\nHide=-/srv/G\xE4ste\n", "latin1");
    expect(errorsOf(loadFiles([write("a.conf", bytes)], me))).toEqual(["is not UTF-8"]);
  });

  it("a file that is too large", () => {
    expect(errorsOf(loadFiles([write("a.conf", "#".repeat(1024 * 1024 + 1))], me))).toEqual(["is larger than 1 MiB"]);
  });
});

describe("loadConfig", () => {
  const load = () => loadConfig({ vendor: join(root, "v"), admin: join(root, "a"), dropIns: join(root, "d") }, me);

  it("uses the defaults when there is no file, those of the machine first", () => {
    expect(load().ok).toBe(true);
    const paths = { vendor: join(root, "v"), admin: join(root, "a"), dropIns: join(root, "d") };
    const result = loadConfig(paths, me, listMachineDefaults({ noswap: false }));
    expect(result.ok && result.config.Limits.MemorySwapMax).toBe("0");
  });

  it("reads a file with the line ends and byte order mark of other systems", () => {
    write("a", "\uFEFF[Home]\r\nSize=1M\r\n");
    const result = load();
    expect(result.ok && result.config.Home.Size).toBe("1m");
  });

  it("reads the vendor's file, then the administrator's, then the drop-ins by name", () => {
    mkdirSync(join(root, "d"));
    write("v", "[Home]\nSize=1M\nInodes=1");
    write("a", "[Home]\nSize=2M\nInodes=2");
    write("d/20.conf", "[Home]\nSize=4M");
    write("d/10.conf", "[Home]\nSize=3M");
    write("d/README", "no configuration");
    const result = load();
    expect(result.ok && result.config.Home).toMatchObject({ Size: "4m", Inodes: 2 });
  });
});
