// Which processes hold files: by each way there is, and never by asking a file system.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { type Base, describeAsRoot, failureOf, GUEST, native, parseMounts, pidOf, startBase, traces } from "./rig.ts";

/** Part of the C library's package, and used by no shell. */
const LIBRARY = execFileSync("sh", ["-c", "ls /lib*/libm.so.6 /lib/*/libm.so.6 2>/dev/null | head -n 1"], { encoding: "utf8" }).trim();

describeAsRoot("the holders of files", () => {
  let base: Base;
  let device: string;
  let elsewhere: string;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    base = await startBase();
    base.sh(`mount -t tmpfs base /mnt && cp /bin/sleep /mnt/program && cp ${LIBRARY} /mnt/library && mkdir /mnt/dir && echo content >/mnt/file && mkfifo /mnt/fifo`);
    device = base.sh("mountpoint -d /mnt").trim();
    elsewhere = mkdtempSync(join(tmpdir(), "guestns-"));
  });
  const endAll = async () => {
    for (const child of started.splice(0)) {
      const ended = once(child, "exit");
      // What it has started reads from it as well.
      child.stdin?.end();
      child.kill("SIGKILL");
      await ended;
    }
  };
  afterEach(endAll);
  afterAll(async () => {
    rmSync(elsewhere, { recursive: true });
    await base.end();
  });

  /** Runs a shell script in the base until the test ends; it must say "ready" and stay. */
  async function hold(script: string, uid = 0): Promise<number> {
    const drop = uid === 0 ? [] : ["setpriv", `--reuid=${uid}`, "--clear-groups"];
    const child = spawn("nsenter", ["-t", String(base.pid), "-m", ...drop, "sh", "-euc", script], { stdio: ["pipe", "pipe", "inherit"] });
    started.push(child);
    await once(child.stdout, "data");
    return pidOf(child);
  }

  /** A shell that has a library mapped, and holds it in no other way. */
  const withLibrary = (path: string) => `LD_PRELOAD=${path} exec sh -c 'echo ready; read line'`;

  it.each<[title: string, devices: unknown, uid: unknown, path: string]>([
    ["devices that are no array", "0:57", -1, "devices"],
    ["a device that is no text", [57], -1, "devices"],
    ["a device without a minor number", ["0"], -1, "devices"],
    ["a device with something behind it", ["0:57 "], -1, "devices"],
    ["a device that does not fit", ["0:999999999999999999999"], -1, "devices"],
    ["a negative device", ["0:-1"], -1, "devices"],
    ["a broken uid", [], 1.5, "uid"],
    ["a uid below none", [], -2, "uid"],
    ["no uid", [], undefined, "uid"],
  ])("are not looked for with %s", async (_title, devices, uid, path) => {
    expect(await failureOf(native.findHolders(devices as string[], uid as number))).toMatchObject({ step: "arguments", path, code: "EINVAL" });
  });

  it("are none where nothing is sought or held", async () => {
    await hold("exec 3</mnt/file; echo ready; read line");
    expect(await native.findHolders([], -1)).toEqual([]);
    expect(await native.findHolders(["0:1048575"], -1)).toEqual([]);
  });

  it.each<[how: string, title: string, script: string]>([
    ["descriptor", "an open file", "exec 3</mnt/file; echo ready; read line"],
    ["descriptor", "an open file that is deleted", "cp /mnt/file /mnt/gone; exec 3</mnt/gone; rm /mnt/gone; echo ready; read line"],
    ["descriptor", "a FIFO", "exec 3<>/mnt/fifo; echo ready; read line"],
    ["descriptor", "a directory", "exec 3</mnt/dir; echo ready; read line"],
    ["directory", "a working directory", "cd /mnt/dir; echo ready; read line"],
    ["root", "a root directory", "cp --parents /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*') /mnt/dir; cd /; exec chroot /mnt/dir /bin/sh -c 'cd /; echo ready; read line'"],
    ["program", "an executable", "echo ready; exec /mnt/program 1000"],
    ["mapping", "a mapped file", withLibrary("/mnt/library")],
  ])("are found by their %s: %s", async (how, _title, script) => {
    const pid = await hold(script);
    const expected = how === "root" ? ["directory", "root"] : [how];
    const all = await vi.waitFor(async () => {
      const found = await native.findHolders([device], -1);
      expect(found.map((holder) => holder.how)).toEqual([expect.toBeOneOf(expected)]);
      return found;
    });
    expect(all).toEqual([{ pid: expect.any(Number) as number, how: expect.any(String) as string }]);
    expect([pid, ...childrenOf(pid)]).toContain(all[0]?.pid);
  });

  it("are found by what the user owns, wherever that is, but not by his terminals, pipes, sockets and processes", async () => {
    const file = `${elsewhere}/file`;
    writeFileSync(file, "content");
    chownSync(file, GUEST, GUEST);
    const fd = openSync(file, "r");
    const his = await hold("cat | { echo ready; read line; }", GUEST);
    expect(await native.findHolders([], GUEST)).toEqual([]);
    closeSync(fd);
    await hold(`exec 3</proc/${his}; echo ready; read line`);
    expect(statSync(`/proc/${his}`).uid).toBe(GUEST);
    expect(await native.findHolders([], GUEST)).toEqual([]);
    const pid = await hold(`exec 3<${file}; echo ready; read line`);
    expect(await native.findHolders([], GUEST)).toEqual([{ pid, how: "descriptor" }]);
    expect(await native.findHolders([], GUEST + 1)).toEqual([]);
  });

  it("are found by what they have mapped of the user's", async () => {
    const file = `${elsewhere}/mapped`;
    copyFileSync(LIBRARY, file);
    chownSync(file, GUEST, GUEST);
    const pid = await hold(withLibrary(file));
    expect(await native.findHolders([], GUEST)).toEqual([{ pid, how: "mapping" }]);
  });

  it("are named once, and never this process", async () => {
    const fd = openSync(`/proc/${base.pid}/root/mnt/file`, "r");
    const pid = await hold("cd /mnt/dir; exec 3</mnt/file 4</mnt/dir; echo ready; read line");
    expect(await native.findHolders([device, device], -1)).toEqual([{ pid, how: "descriptor" }]);
    closeSync(fd);
  });

  it.skipIf(!existsSync("/dev/fuse"))("are found on a file system that never answers, without waiting for it", async () => {
    const place = base.sh("mkdir -p /mnt/silent && echo /mnt/silent").trim();
    // O_PATH: nothing else gets a descriptor there.
    const open = `${process.execPath} -e 'fs.openSync("${place}", 0x200000); console.log("ready"); process.stdin.resume()'`;
    const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
    const pid = await hold(`exec 3<>/dev/fuse; mount -i -t fuse -o ${options} silent ${place} >&2; exec ${open}`);
    const silent = parseMounts(readFileSync(`/proc/${base.pid}/mountinfo`, "utf8")).find(({ source }) => source === "silent");
    expect(await native.findHolders([silent?.device ?? ""], GUEST)).toEqual([{ pid, how: "descriptor" }]);
    await endAll();
    base.sh(`umount -l ${place}`);
  });

  it("are at most 100", async () => {
    await hold("exec 3</mnt/file 4<&0; for i in $(seq 120); do (read line) <&4 & done; echo ready; read line");
    const found = await native.findHolders([device], -1);
    expect(found).toHaveLength(100);
    expect(new Set(found.map(({ pid }) => pid)).size).toBe(100);
    await endAll();
    await vi.waitFor(async () => { expect(await native.findHolders([device], -1)).toEqual([]); });
  });

  it("leave no thread and no descriptor behind, while processes come and go", async () => {
    const before = traces();
    const churn = spawn("sh", ["-c", "while :; do /bin/true; done"]);
    await Promise.all(Array.from({ length: 20 }, () => native.findHolders([device], GUEST)));
    const ended = once(churn, "exit");
    churn.kill("SIGKILL");
    await ended;
    await vi.waitFor(() => { expect(traces()).toEqual(before); });
  });
});

function childrenOf(pid: number): number[] {
  return execFileSync("sh", ["-c", `cat /proc/${pid}/task/*/children`], { encoding: "utf8" }).trim().split(" ").map(Number);
}
