// The files of a user below some directories: found, and taken away. The trees are those that somebody would make to keep them.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SweptFiles } from "../../src/system/bindings.ts";
import { describeAsRoot, failureOf, GUEST, native, traces } from "./rig.ts";

const OTHER = 54321;
const ADDON = resolve(process.env["GUESTNS_ADDON"] ?? "build/host/guestns.node");
/** Milliseconds: more than any of these takes. */
const LIMIT = 60_000;
/** Milliseconds for what makes tens of thousands of files first, on a disk that others may be using. */
const MANY_FILES_MS = 180_000;
/** Goes down as deep as it is told to, by directories called d. */
const DIG = `perl -e 'for (1..$ARGV[0]) { mkdir "d" or die $!; chdir "d" or die $! }'`;

describeAsRoot("a sweep", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "guestns-"));
    chmodSync(dir, 0o1777);
  });
  // rm(1) walks by descriptor: a path can be too long for Node.
  afterEach(() => {
    execFileSync("rm", ["-rf", dir]);
  });

  const find = (...paths: string[]) => native.sweepFiles(paths.length === 0 ? [dir] : paths, GUEST, false, LIMIT);
  const sweep = (...paths: string[]) => native.sweepFiles(paths.length === 0 ? [dir] : paths, GUEST, true, LIMIT);
  const as = (uid: number, script: string) => {
    execFileSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "sh", "-euc", script], { cwd: dir });
  };
  const list = () =>
    execFileSync("find", [dir, "-mindepth", "1", "-printf", "%U %m %P\n"], { encoding: "utf8" })
      .trim()
      .split("\n")
      .sort();

  it.each<[title: string, paths: unknown, uid: unknown, remove: unknown, path: string, limit?: unknown]>([
    ["paths that are no array", "/tmp", GUEST, true, "paths"],
    ["a path that is no text", [7], GUEST, true, "paths"],
    ["a relative path", ["tmp"], GUEST, true, "tmp"],
    ["the root directory", ["/"], GUEST, true, "/"],
    ["a path with ..", ["/tmp/../etc"], GUEST, true, "/tmp/../etc"],
    ["a path with a NUL", ["/tmp\0x"], GUEST, true, "/tmp\0x"],
    ["root's own files", ["/none"], 0, true, "uid"],
    ["no uid", ["/none"], -1, true, "uid"],
    ["the uid that stands for none", ["/none"], 2 ** 32 - 1, true, "uid"],
    ["a broken uid", ["/none"], 1.5, true, "uid"],
    ["a text for a flag", ["/none"], GUEST, "yes", "remove"],
    ["no flag", ["/none"], GUEST, undefined, "remove"],
    ["a time that is over before it begins", ["/none"], GUEST, true, "limitMs", -1],
    ["a text for a time", ["/none"], GUEST, true, "limitMs", "1 s"],
  ])("is refused for %s", async (_title, paths, uid, remove, path, limit: unknown = LIMIT) => {
    const failure = await failureOf(
      native.sweepFiles(paths as string[], uid as number, remove as boolean, limit as number),
    );
    expect(failure).toMatchObject({ step: "arguments", path, code: "EINVAL" });
  });

  it("passes over what is not there, and tells what it cannot look into", async () => {
    writeFileSync(`${dir}/file`, "");
    symlinkSync(dir, `${dir}/link`);
    expect(await sweep(`${dir}/none`, `${dir}/none/below`)).toEqual({ found: 0, removed: 0, left: [], whole: true });
    expect(await sweep(`${dir}/file`, `${dir}/link`)).toEqual({
      found: 0,
      removed: 0,
      whole: false,
      left: [
        `${dir}/file: could not be looked at: Not a directory`,
        `${dir}/link: could not be looked at: Too many levels of symbolic links`,
      ],
    });
  });

  it("finds files of all kinds in directories of all modes, and takes them away only when it is told to", async () => {
    as(
      GUEST,
      "mkfifo fifo; touch file; chmod 4755 file; ln file hard; ln -s /etc/passwd link; mkdir -p a/b e; touch a/b/c; chmod 0 a/b a; chmod 777 e",
    );
    const before = list();
    const names = ["fifo", "file", "hard", "link", "a", "a/b", "a/b/c", "e"].map((name) => `${dir}/${name}`);
    const found = await find();
    expect({ ...found, left: [...found.left].sort() }).toEqual({
      found: 8,
      removed: 0,
      left: names.sort(),
      whole: true,
    });
    expect(list()).toEqual(before);
    expect(await sweep()).toEqual({ found: 8, removed: 8, left: [], whole: true });
    expect(readdirSync(dir)).toEqual([]);
    expect(existsSync("/etc/passwd")).toBe(true);
  });

  it("takes away only what is the user's, in his directories and in those of others", async () => {
    as(OTHER, "mkdir -m 777 others; touch others/theirs");
    as(GUEST, "touch others/his; mkdir -m 777 his; touch his/1; mkdir -p his/empty/empty; mkdir -m 777 his/shared");
    as(OTHER, "touch his/shared/kept; mkdir his/theirs; mkdir -m 777 his/theirs/open");
    as(GUEST, "touch his/theirs/open/2; ln -s kept his/shared/link");
    expect(await find()).toMatchObject({ found: 8, removed: 0, whole: true });
    expect(await sweep()).toEqual({ found: 8, removed: 8, left: [], whole: true });
    expect(list()).toEqual([
      "0 700 his",
      "0 700 his/shared",
      `${OTHER} 644 his/shared/kept`,
      `${OTHER} 644 others/theirs`,
      `${OTHER} 755 his/theirs`,
      `${OTHER} 777 his/theirs/open`,
      `${OTHER} 777 others`,
    ]);
    expect(await find()).toEqual({ found: 0, removed: 0, left: [], whole: true });
  });

  it("gives the directory that was named to root, and leaves it", async () => {
    as(GUEST, "mkdir -m 777 own; touch own/1");
    expect(await find(`${dir}/own`)).toEqual({
      found: 2,
      removed: 0,
      left: [`${dir}/own`, `${dir}/own/1`],
      whole: true,
    });
    expect(await sweep(`${dir}/own`)).toEqual({ found: 2, removed: 2, left: [], whole: true });
    expect(list()).toEqual(["0 700 own"]);
  });

  it("wakes nobody at a FIFO, and connects to no socket", async () => {
    as(GUEST, "mkfifo fifo");
    const server = createServer(() => {
      expect.unreachable();
    }).listen(`${dir}/socket`);
    await once(server, "listening");
    chownSync(`${dir}/socket`, GUEST, GUEST);
    expect(await sweep()).toEqual({ found: 2, removed: 2, left: [], whole: true });
    server.close();
  });

  it("follows no symbolic link", async () => {
    mkdirSync(`${dir}/swept`, { mode: 0o777 });
    chmodSync(`${dir}/swept`, 0o777);
    as(GUEST, `mkdir outside; touch outside/file; ln -s ${dir}/outside swept/link; ln -s / swept/root`);
    expect(await sweep(`${dir}/swept`)).toEqual({ found: 2, removed: 2, left: [], whole: true });
    expect(list()).toEqual(["0 777 swept", `${GUEST} 644 outside/file`, `${GUEST} 755 outside`]);
  });

  /** Takes away in a Node in a mount namespace of its own, after a shell script, below each path for itself. */
  const sweepUnder = (mounts: string, ...paths: string[]): SweptFiles[] => {
    const script = `const native = require(${JSON.stringify(ADDON)});
      (async () => { for (const path of ${JSON.stringify(paths)}) console.log(JSON.stringify(await native.sweepFiles([path], ${GUEST}, true, ${LIMIT}))); })();`;
    const argv = [
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-euc",
      `${mounts}; exec "$@"`,
      "sh",
      process.execPath,
      "-e",
      script,
    ];
    return execFileSync("unshare", argv, { encoding: "utf8", cwd: dir })
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as SweptFiles);
  };

  it("crosses no mount, not even one of the same file system, but starts at one", () => {
    as(GUEST, "mkdir tree swept swept/bind swept/mount; touch tree/kept");
    const mounts = `mount --bind tree swept/bind; mount -t tmpfs none swept/mount; touch swept/mount/file; chown ${GUEST} swept/mount/file`;
    const [around, within] = sweepUnder(mounts, `${dir}/swept`, `${dir}/swept/mount`);
    expect(around).toEqual({ found: 1, removed: 1, left: [], whole: true });
    expect(within).toEqual({ found: 1, removed: 1, left: [], whole: true });
    expect(list()).toContain(`${GUEST} 644 tree/kept`);
  });

  it("goes 512 directories deep and says when there is more; what is deeper goes nevertheless when it is taken away", async () => {
    as(GUEST, `${DIG} 10000`);
    const deep = await find();
    expect(deep).toMatchObject({ found: 513, removed: 0, whole: false });
    expect(deep.left).toHaveLength(21);
    expect(deep.left.at(-1)).toBe("and 494 more");
    expect(await sweep()).toEqual({ found: 10_000, removed: 10_000, left: [], whole: true });
    expect(readdirSync(dir)).toEqual([]);
  });

  it("passes over what is too deep below directories of somebody else's: a guest has nothing there, and all would be told of it", async () => {
    as(OTHER, `mkdir -m 777 others; cd others; ${DIG} 600`);
    as(GUEST, "touch others/d/his 2>/dev/null || touch others/his");
    expect(await sweep()).toEqual({ found: 1, removed: 1, whole: true, left: [] });
  });

  it("says of what is too deep below root's directories", async () => {
    execFileSync("sh", ["-euc", `${DIG} 600`], { cwd: dir });
    expect(await sweep()).toEqual({
      found: 0,
      removed: 0,
      whole: false,
      left: [expect.stringMatching(/^.*\/d\/d\/d.*\.\.\.: deeper than 512 directories$/)],
    });
  });

  it("comes to an end where only the deepest directory is the user's", async () => {
    as(OTHER, `${DIG} 600`);
    execFileSync("perl", [
      "-e",
      `chdir "${dir}"; for (1..512) { chdir "d" or die $! } chown ${GUEST}, 0, "." or die $!`,
    ]);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [], whole: true });
  });

  it("ends when its time is over, and says so", { timeout: MANY_FILES_MS }, async () => {
    as(GUEST, "touch file");
    expect(await native.sweepFiles([dir, dir], GUEST, true, 0)).toEqual({
      found: 0,
      removed: 0,
      whole: false,
      left: [`${dir}: could not be looked at in time`, `${dir}: could not be looked at in time`],
    });
    execFileSync("perl", ["-e", `for (1..20000) { open(F, ">", "${dir}/$_") or die $! }`]);
    // The time is over long before the last of these, each of which has a file of the guest's.
    const { whole, found } = await native.sweepFiles(Array<string>(10_000).fill(dir), GUEST, false, 200);
    expect([whole, found < 10_000]).toEqual([false, true]);
  });

  it("fills no memory with names, be they many and long", { timeout: MANY_FILES_MS }, () => {
    execFileSync("perl", [
      "-e",
      `for (1..30000) { open(F, ">", "${dir}/$_" . "x" x 240) or die $! } chown ${GUEST}, 0, glob("${dir}/1*")`,
    ]);
    const script = `const native = require(${JSON.stringify(ADDON)});
      const most = () => Number(/VmHWM:[^0-9]*([0-9]+)/.exec(require("fs").readFileSync("/proc/self/status", "utf8"))[1]);
      (async () => { await native.sweepFiles(["/none"], 1, true, 1000); const before = most();
        const { found, removed } = await native.sweepFiles(["${dir}"], ${GUEST}, true, ${LIMIT}); console.log(found, removed, most() - before); })();`;
    const [found, removed, kilobytes] = execFileSync(process.execPath, ["-e", script], { encoding: "utf8" })
      .split(" ")
      .map(Number);
    expect([found, removed]).toEqual([11_111, 11_111]);
    expect(kilobytes).toBeLessThan(3072);
    expect(readdirSync(dir)).toHaveLength(30_000 - 11_111);
  });

  it("names what it cannot take away, in letters that mislead nobody", () => {
    as(
      GUEST,
      `mkdir d; perl -e 'open(F, ">", $_) or die for "a\\nb", "\\e[31m", "\\xff\\xfe", "a\\\\b", "\\xc3\\xa9"'`,
    );
    const [swept] = sweepUnder(`mount --bind . .; cd .; mount -o remount,bind,ro ${dir}`, dir);
    const names = ["\\x1b[31m", "\\xc3\\xa9", "\\xff\\xfe", "a\\x0ab", "a\\x5cb", "d"];
    expect({ ...swept, left: [...(swept?.left ?? [])].sort() }).toEqual({
      found: 6,
      removed: 0,
      left: names.map((name) => `${dir}/${name}: Read-only file system`),
      whole: true,
    });
  });

  it("is not led out of the tree, nor stopped, by somebody who moves things about meanwhile", async () => {
    as(
      GUEST,
      "mkdir swept outside; touch outside/file; for i in $(seq 200); do mkdir swept/$i swept/$i/d; touch swept/$i/d/f; done",
    );
    const worker = new Worker(
      `const fs = require("node:fs"), { parentPort } = require("node:worker_threads");
      parentPort.postMessage("ready");
      for (let i = 0; ; i = (i + 1) % 200) {
        const at = "${dir}/swept/" + (i + 1);
        try { fs.renameSync(at + "/d", at + "/e"); fs.symlinkSync("${dir}/outside", at + "/d"); } catch {}
        try { fs.unlinkSync(at + "/d"); fs.renameSync(at + "/e", at + "/d"); } catch {}
      }`,
      { eval: true },
    );
    await once(worker, "message");
    await sweep(`${dir}/swept`);
    await worker.terminate();
    expect(await sweep(`${dir}/swept`)).toMatchObject({ left: [], whole: true });
    expect(readdirSync(`${dir}/outside`)).toEqual(["file"]);
    expect(statSync(`${dir}/outside`).uid).toBe(GUEST);
  });

  it("leaves no empty directory of root's to another sweep that is in the tree with it", async () => {
    as(GUEST, "mkdir -p $(seq -f %g/a/b 300)");
    const sweeps = await Promise.all(Array.from({ length: 8 }, () => sweep()));
    expect(readdirSync(dir)).toEqual([]);
    expect(sweeps.filter(({ left, whole }) => left.length > 0 || !whole)).toEqual([]);
  });

  it("leaves no thread and no descriptor, also when it fails", async () => {
    as(GUEST, "mkdir -p a/b/c; touch a/b/c/d");
    const before = traces();
    await Promise.all(Array.from({ length: 20 }, () => sweep()));
    await failureOf(native.sweepFiles(["x"], GUEST, true, LIMIT));
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { timeout: 15_000 },
    );
    expect(readdirSync(dir)).toEqual([]);
  });
});
