// Finds and removes a user's files, even if the user wants to keep them.
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
/** In ms, more than any of these takes. */
const LIMIT = 60_000;
/** In ms, for tests that first create tens of thousands of files on a shared disk. */
const MANY_FILES_MS = 180_000;
/** Creates nested directories named d. The argument is the depth. */
const DIG = `perl -e 'for (1..$ARGV[0]) { mkdir "d" or die $!; chdir "d" or die $! }'`;

describeAsRoot("a sweep of files", () => {
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
    ["no UID", ["/none"], -1, true, "uid"],
    [`the UID that means "none"`, ["/none"], 2 ** 32 - 1, true, "uid"],
    ["a broken UID", ["/none"], 1.5, true, "uid"],
    ["a text for a flag", ["/none"], GUEST, "yes", "remove"],
    ["no flag", ["/none"], GUEST, undefined, "remove"],
    ["a time limit of zero", ["/none"], GUEST, true, "limitMs", -1],
    ["a text for a time", ["/none"], GUEST, true, "limitMs", "1 s"],
  ])("is refused for %s", async (_title, paths, uid, remove, path, limit: unknown = LIMIT) => {
    const failure = await failureOf(
      native.sweepFiles(paths as string[], uid as number, remove as boolean, limit as number),
    );
    expect(failure).toMatchObject({ step: "arguments", path, code: "EINVAL" });
  });

  it("skips missing paths, and reports those it cannot read", async () => {
    writeFileSync(`${dir}/file`, "");
    symlinkSync(dir, `${dir}/link`);
    expect(await sweep(`${dir}/none`, `${dir}/none/below`)).toEqual({ found: 0, removed: 0, left: [], unseen: [] });
    expect(await sweep(`${dir}/file`, `${dir}/link`)).toEqual({
      found: 0,
      removed: 0,
      unseen: [],
      left: [
        `${dir}/file: could not be looked at: Not a directory`,
        `${dir}/link: could not be looked at: Too many levels of symbolic links`,
      ],
    });
  });

  it("finds files of all types in directories of all modes, and removes them only when asked to", async () => {
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
      unseen: [],
    });
    expect(list()).toEqual(before);
    expect(await sweep()).toEqual({ found: 8, removed: 8, left: [], unseen: [] });
    expect(readdirSync(dir)).toEqual([]);
    expect(existsSync("/etc/passwd")).toBe(true);
  });

  it("removes only the user's files, in any directory", async () => {
    as(OTHER, "mkdir -m 777 others; touch others/theirs");
    as(GUEST, "touch others/his; mkdir -m 777 his; touch his/1; mkdir -p his/empty/empty; mkdir -m 777 his/shared");
    as(OTHER, "touch his/shared/kept; mkdir his/theirs; mkdir -m 777 his/theirs/open");
    as(GUEST, "touch his/theirs/open/2; ln -s kept his/shared/link");
    // The walk looks for more below others' read-only directory.
    expect(await find()).toMatchObject({ found: 7, removed: 0, unseen: [dir] });
    expect(await sweep()).toEqual({ found: 7, removed: 7, left: [], unseen: [dir] });
    const { owners } = await native.openWalk([dir], [GUEST]).goOn(LIMIT);
    expect(owners).toEqual([{ uid: GUEST, found: 1, removed: 1, left: [] }]);
    expect(list()).toEqual([
      "0 700 his",
      "0 700 his/shared",
      `${OTHER} 644 his/shared/kept`,
      `${OTHER} 644 others/theirs`,
      `${OTHER} 755 his/theirs`,
      `${OTHER} 777 his/theirs/open`,
      `${OTHER} 777 others`,
    ]);
    expect(await find()).toEqual({ found: 0, removed: 0, left: [], unseen: [dir] });
  });

  it("gives the named directory to root, and keeps it", async () => {
    as(GUEST, "mkdir -m 777 own; touch own/1");
    expect(await find(`${dir}/own`)).toEqual({
      found: 2,
      removed: 0,
      left: [`${dir}/own`, `${dir}/own/1`],
      unseen: [],
    });
    expect(await sweep(`${dir}/own`)).toEqual({ found: 2, removed: 2, left: [], unseen: [] });
    expect(list()).toEqual(["0 700 own"]);
  });

  it("opens no FIFO, and connects to no socket", async () => {
    as(GUEST, "mkfifo fifo");
    const server = createServer(() => {
      expect.unreachable();
    }).listen(`${dir}/socket`);
    await once(server, "listening");
    chownSync(`${dir}/socket`, GUEST, GUEST);
    expect(await sweep()).toEqual({ found: 2, removed: 2, left: [], unseen: [] });
    server.close();
  });

  it("follows no symbolic link", async () => {
    mkdirSync(`${dir}/swept`, { mode: 0o777 });
    chmodSync(`${dir}/swept`, 0o777);
    as(GUEST, `mkdir outside; touch outside/file; ln -s ${dir}/outside swept/link; ln -s / swept/root`);
    expect(await sweep(`${dir}/swept`)).toEqual({ found: 2, removed: 2, left: [], unseen: [] });
    expect(list()).toEqual(["0 777 swept", `${GUEST} 644 outside/file`, `${GUEST} 755 outside`]);
  });

  /** Sweeps each path in its own Node and mount namespace, after a shell script. */
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

  it("crosses no mount, not even of the same file system, but may start at one, and looks below mounts", () => {
    as(GUEST, "mkdir tree swept swept/bind swept/mount; touch tree/kept swept/mount/hidden");
    const mounts = `mount --bind tree swept/bind; mount -t tmpfs none swept/mount; touch swept/mount/file; chown ${GUEST} swept/mount/file`;
    const [around, within] = sweepUnder(mounts, `${dir}/swept`, `${dir}/swept/mount`);
    const stay = ["bind", "mount"].map(
      (name) => `${dir}/swept/${name}: is root's now, and empty: Device or resource busy`,
    );
    expect({ ...around, left: [...(around?.left ?? [])].sort() }).toEqual({
      found: 4,
      removed: 4,
      left: stay,
      unseen: [],
    });
    expect(within).toEqual({ found: 1, removed: 1, left: [], unseen: [] });
    expect(list()).toContain(`${GUEST} 644 tree/kept`);
  });

  it("goes 512 directories deep and reports more; deeper files are still removed", async () => {
    as(GUEST, `${DIG} 10000`);
    const deep = await find();
    expect(deep).toMatchObject({ found: 512, removed: 0, unseen: [dir] });
    expect(deep.left).toHaveLength(21);
    expect(deep.left.at(-1)).toBe("and 492 more");
    expect(await sweep()).toEqual({ found: 10_000, removed: 10_000, left: [], unseen: [] });
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each([OTHER, 0])("reports more below directories of %i, and leaves no file that it sees", async (owner) => {
    as(owner, `mkdir -m 777 others; cd others; touch more; (umask 0; ${DIG} 600)`);
    as(GUEST, "touch others/d/d/d/file");
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [], unseen: [dir] });
  });

  it("terminates where only the deepest directory is the user's", async () => {
    as(OTHER, `umask 0; ${DIG} 600`);
    execFileSync("perl", [
      "-e",
      `chdir "${dir}"; for (1..512) { chdir "d" or die $! } chown ${GUEST}, 0, "." or die $!`,
    ]);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [], unseen: [dir] });
  });

  it(
    "does not enter directories of others that others cannot write to, even many",
    { timeout: MANY_FILES_MS },
    async () => {
      as(
        OTHER,
        "mkdir -p closed/open; chmod 777 closed/open; mkdir -m 777 open; perl -e 'mkdir \"open/$_\" or die $! for 1..3000'",
      );
      as(GUEST, "touch closed/open/hidden open/seen");
      expect(await sweep()).toEqual({ found: 1, removed: 1, left: [], unseen: [dir] });
    },
  );

  it(
    "looks at no more than 10,000 names of others per directory, wherever the user's are",
    { timeout: MANY_FILES_MS },
    async () => {
      as(OTHER, "perl -e 'mkdir $_ or die $! for 1..30000'");
      mkdirSync(`${dir}/other`);
      const other = `${dir}/other`;
      chmodSync(other, 0o777);
      as(GUEST, "touch other/file");
      const swept = await native.sweepFiles([dir, other], GUEST, true, LIMIT);
      expect(swept).toEqual({ found: 1, removed: 1, left: [], unseen: [dir] });
    },
  );

  it("ends at its time limit, and reports that", async () => {
    as(GUEST, "touch file");
    expect(await native.sweepFiles([dir, "/none"], GUEST, true, 0)).toEqual({
      found: 0,
      removed: 0,
      left: [],
      unseen: [dir, "/none"],
    });
  });

  it(
    "continues what an interrupted one has left, and leaves no directory of root's",
    { timeout: MANY_FILES_MS },
    async () => {
      as(GUEST, "mkdir -p $(seq -f %g/a 40) $(seq -f %g/b 40); for d in */*; do touch $d/1 $d/2; done");
      as(GUEST, `mkdir deep; cd deep; ${DIG} 2000`);
      let looks = 0;
      for (let swept: SweptFiles | undefined; swept === undefined || swept.unseen.length > 0; looks++)
        swept = await native.sweepFiles([dir], GUEST, true, 20);
      expect(looks).toBeGreaterThan(2);
      expect(readdirSync(dir)).toEqual([]);
    },
  );

  it("keeps memory bounded with many and long names", { timeout: MANY_FILES_MS }, () => {
    execFileSync("perl", [
      "-e",
      `for (1..30000) { open(F, ">", "${dir}/$_" . "x" x 240) or die $! } chown ${GUEST}, 0, glob("${dir}/*")`,
    ]);
    const script = `const native = require(${JSON.stringify(ADDON)});
      const most = () => Number(/VmHWM:[^0-9]*([0-9]+)/.exec(require("fs").readFileSync("/proc/self/status", "utf8"))[1]);
      (async () => { await native.sweepFiles(["/none"], 1, true, 1000); const before = most();
        const { found, removed } = await native.sweepFiles(["${dir}"], ${GUEST}, true, ${LIMIT}); console.log(found, removed, most() - before); })();`;
    const [found, removed, kilobytes] = execFileSync(process.execPath, ["-e", script], { encoding: "utf8" })
      .split(" ")
      .map(Number);
    expect([found, removed]).toEqual([30_000, 30_000]);
    expect(kilobytes).toBeLessThan(3072);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("names what it cannot remove, in escaped characters", () => {
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
      unseen: [],
    });
  });

  it("is neither led out of the tree nor stopped by concurrent renames", async () => {
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
    expect(await sweep(`${dir}/swept`)).toMatchObject({ left: [], unseen: [] });
    expect(readdirSync(`${dir}/outside`)).toEqual(["file"]);
    expect(statSync(`${dir}/outside`).uid).toBe(GUEST);
  });

  it("leaves no empty directory of root's behind for a concurrent sweep", async () => {
    as(GUEST, "mkdir -p $(seq -f %g/a/b 300)");
    const sweeps = await Promise.all(Array.from({ length: 8 }, () => sweep()));
    expect(readdirSync(dir)).toEqual([]);
    expect(sweeps.filter(({ left, unseen }) => left.length + unseen.length > 0)).toEqual([]);
  });

  it("leaves no thread and no descriptor, even when it fails", async () => {
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
