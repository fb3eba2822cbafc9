// guest-holders finds all holders of files or namespaces, and cannot be made to hang for long.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type FileHolder,
  type MountHolder,
  searchAllHolders,
  searchHolders,
} from "../../src/system/processes/holder-search.ts";
import { type MemberCriteria, searchAllMembers } from "../../src/system/processes/member-search.ts";
import { type Base, describeAsRoot, parseMounts, pidOf, startBase, traces } from "./rig.ts";

/** A search covers the whole machine: rig.ts's UID would match processes of concurrent tests. */
const GUEST = 23456;
const PROGRAM = resolve(process.env["GUEST_HOLDERS"] ?? "build/host/guest-holders");
const hasFuse = existsSync("/dev/fuse");

/** From the C library's package, but used by no shell. */
const LIBRARY = execFileSync("sh", ["-c", "ls /lib*/libm.so.6 /lib/*/libm.so.6 2>/dev/null | head -n 1"], {
  encoding: "utf8",
}).trim();

describeAsRoot("guest-holders", () => {
  let base: Base;
  let device: string;
  let elsewhere: string;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    base = await startBase();
    base.sh(
      `mount -t tmpfs base /mnt && cp /bin/sleep /mnt/program && cp ${LIBRARY} /mnt/library && mkdir /mnt/dir && echo content >/mnt/file && mkfifo /mnt/fifo`,
    );
    device = base.sh("mountpoint -d /mnt").trim();
    elsewhere = mkdtempSync(join(tmpdir(), "guestns-"));
    execFileSync("gcc", [
      "-Wall",
      "-Wextra",
      "-Werror",
      "-O1",
      "-pthread",
      "-o",
      `${elsewhere}/give`,
      "test/native/give.c",
    ]);
  });
  const endAll = async () => {
    for (const child of started.splice(0)) {
      const ended = once(child, "exit");
      // Children read from it, too.
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

  /** Runs a shell script in the base until the test ends. It must print "ready" and stay. */
  async function hold(script: string, uid = 0): Promise<number> {
    const drop = uid === 0 ? [] : ["setpriv", `--reuid=${uid}`, "--clear-groups"];
    const child = spawn("nsenter", ["-t", String(base.pid), "-m", ...drop, "sh", "-euc", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    started.push(child);
    await once(child.stdout, "data");
    return pidOf(child);
  }

  /** Only the mapping holds the library. */
  const withLibrary = (path: string) => `LD_PRELOAD=${path} exec sh -c 'echo ready; read line'`;

  /** Expects that all processes could be looked at. */
  async function find(
    devices: readonly string[],
    uid: number,
    namespaces: readonly number[] = [],
  ): Promise<readonly FileHolder[]> {
    const { files, unseen, whole } = await searchHolders(
      { devices, uid: userOf(uid), namespaces, label: "" },
      { program: PROGRAM },
    );
    expect({ unseen, whole }).toEqual({ unseen: [], whole: true });
    return files;
  }

  /** Omits the base, which has all mounts. */
  async function findMounts(
    label: string,
    devices: readonly string[] = [],
    namespaces: readonly number[] = [],
  ): Promise<readonly MountHolder[]> {
    const { mounts, unseen, whole } = await searchHolders(
      { devices, uid: undefined, namespaces, label },
      { program: PROGRAM },
    );
    expect({ unseen, whole }).toEqual({ unseen: [], whole: true });
    return mounts.filter(({ pid }) => pid !== base.pid);
  }

  it.each<[title: string, args: string[], input?: string]>([
    ["nothing", []],
    ["too many fields", ["holders", "0", ""]],
    ["neither holders nor members", ["owners", "0"]],
    ["a PID that is no number", ["holders", ""]],
    ["a PID with trailing characters", ["members", "1 "]],
    ["a PID below 1", ["members", "-1"]],
    ["a device without a minor number", ["holders", "0"], "0 - - -\n"],
    ["a device with trailing characters", ["holders", "0"], "0:57; - - -\n"],
    ["a device that does not fit", ["holders", "0"], "0:999999999999999999999 - - -\n"],
    ["a negative device", ["holders", "0"], "0:-1 - - -\n"],
    ["a trailing comma", ["holders", "0"], "0:57, - - -\n"],
    ["too many devices", ["holders", "0"], `${Array(70_000).fill("0:1").join(",")} - - -\n`],
    ["a broken uid", ["holders", "0"], "- 1.5 - -\n"],
    ["a negative UID", ["members", "0"], "- -2 - -\n"],
    [`the UID that means "none"`, ["members", "0"], `- ${2 ** 32 - 1} - -\n`],
    ["a namespace that is no number", ["members", "0"], "- - mnt -\n"],
    ["too few fields", ["holders", "0"], "- - -\n"],
    ["too many fields of a set", ["holders", "0"], "- - - - -\n"],
    ["two blanks", ["holders", "0"], "-  - -\n"],
    ["half a line", ["holders", "0"], "- - - -"],
    ["one set after a valid one", ["holders", "0"], "- - - -\n\n"],
    ["too many sets", ["holders", "0"], "- - - -\n".repeat(1025)],
  ])("rejects input with %s", (_title, args, input = "") => {
    expect(spawnSync(PROGRAM, args, { input, encoding: "utf8" })).toMatchObject({ status: 2, stdout: "" });
  });

  it("is reported as failed when missing, failing, or printing invalid lines", async () => {
    const criteria = { devices: [], uid: undefined, namespaces: [], label: undefined };
    await expect(searchHolders(criteria, { program: `${elsewhere}/none` })).rejects.toThrow(/none failed: ENOENT$/);
    await expect(searchHolders(criteria, { program: "/bin/false" })).rejects.toThrow("/bin/false failed: 1");
    await expect(searchHolders(criteria, { program: "/bin/echo" })).rejects.toThrow("does not say what it has found");
    await expect(searchHolders({ ...criteria, uid: -2 }, { program: PROGRAM })).rejects.toThrow("failed: 2");
  });

  it("finds nothing where nothing is looked for or held", async () => {
    await hold("exec 3</mnt/file; echo ready; read line");
    expect(await find([], -1)).toEqual([]);
    expect(await find(["0:1048575"], -1)).toEqual([]);
  });

  it.each<[how: string, title: string, script: string]>([
    ["descriptor", "an open file", "exec 3</mnt/file; echo ready; read line"],
    [
      "descriptor",
      "an open file that is deleted",
      "cp /mnt/file /mnt/gone; exec 3</mnt/gone; rm /mnt/gone; echo ready; read line",
    ],
    ["descriptor", "a FIFO", "exec 3<>/mnt/fifo; echo ready; read line"],
    ["descriptor", "a directory", "exec 3</mnt/dir; echo ready; read line"],
    ["directory", "a working directory", "cd /mnt/dir; echo ready; read line"],
    [
      "root",
      "a root directory",
      "cp --parents /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*') /mnt/dir; cd /; exec chroot /mnt/dir /bin/sh -c 'cd /; echo ready; read line'",
    ],
    ["program", "an executable", "echo ready; exec /mnt/program 1000"],
    ["mapping", "a mapped file", withLibrary("/mnt/library")],
  ])("finds a process by its %s: %s", async (how, _title, script) => {
    const pid = await hold(script);
    const expected = how === "root" ? ["directory", "root"] : [how];
    const all = await vi.waitFor(
      async () => {
        const found = await find([device], -1);
        expect(found.map((holder) => holder.how)).toEqual([expect.toBeOneOf(expected)]);
        return found;
      },
      { timeout: 15_000 },
    );
    expect(all).toEqual([{ pid: expect.any(Number) as number, how: expect.any(String) as string }]);
    expect([pid, ...childrenOf(pid)]).toContain(all[0]?.pid);
  });

  it("finds a process by what the user owns on any file system, but not by the user's terminals, pipes and processes", async () => {
    const file = `${elsewhere}/file`;
    writeFileSync(file, "content");
    chownSync(file, GUEST, GUEST);
    const fd = openSync(file, "r");
    const his = await hold("cat | { echo ready; read line; }", GUEST);
    expect(await find([], GUEST)).toEqual([]);
    closeSync(fd);
    await hold(`exec 3</proc/${his}; echo ready; read line`);
    expect(statSync(`/proc/${his}`).uid).toBe(GUEST);
    expect(await find([], GUEST)).toEqual([]);
    const pid = await hold(`exec 3<${file}; echo ready; read line`);
    expect(await find([], GUEST)).toEqual([{ pid, how: "descriptor" }]);
    expect(await find([], GUEST + 1)).toEqual([]);
  });

  it.each<[how: string, title: string, what: string]>([
    ["descriptor", "socket", "socket"],
    ["descriptor", "FIFO that they could not read", "fifo"],
    ["descriptor", "symbolic link", "link"],
    ["namespace", "user namespace", "user"],
    ["namespace", "mount namespace", "mnt"],
    ["namespace", "IPC namespace", "ipc"],
  ])("finds a process by a %s that the user created and passed to it: %s", async (how, _title, what) => {
    const pid = await hold(`exec ${elsewhere}/give ${GUEST} ${what}`);
    expect(await find([], GUEST)).toEqual([{ pid, how }]);
    expect(await find([], GUEST + 1)).toEqual([]);
  });

  it("finds a process by a descriptor of a later thread whose first thread has ended", async () => {
    const pid = await hold(`exec ${elsewhere}/give ${GUEST} thread /mnt/file`);
    expect(await find([device], -1)).toEqual([{ pid, how: "descriptor" }]);
  });

  it("finds a process of any user by its mounts, once in each namespace", async () => {
    const mounted =
      "unshare --user --map-root-user --mount sh -c 'mount -t tmpfs holders-label /srv; echo ready; read line'";
    const pid = await hold(`exec ${mounted}`, GUEST);
    await hold(`exec ${mounted.replace("holders-label", "holders-label2")}`, GUEST);
    await hold(`exec nsenter --target=${pid} --user --mount --preserve-credentials sh -c 'echo ready; read line'`);
    expect(await findMounts("holders-label")).toEqual([{ pid: expect.any(Number) as number, path: "/srv" }]);
    expect(await findMounts("")).toEqual([]);
    const { device: mine } = parseMounts(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).find(
      ({ source }) => source === "holders-label",
    ) ?? { device: "" };
    expect(await findMounts("", [mine])).toEqual([{ pid: expect.any(Number) as number, path: "/srv" }]);
  });

  it("finds a namespace that is mounted somewhere", async () => {
    const pid = await hold("echo ready; exec unshare --ipc sleep 1000");
    const ino = await vi.waitFor(
      () => {
        const own = statSync(`/proc/${pid}/ns/ipc`).ino;
        expect(own).not.toBe(statSync("/proc/self/ns/ipc").ino);
        return own;
      },
      { timeout: 15_000 },
    );
    await hold(
      `exec unshare --mount --propagation private sh -c 'touch ${elsewhere}/ns; mount --bind /proc/${pid}/ns/ipc ${elsewhere}/ns; echo ready; read line'`,
    );
    expect(await findMounts("holders-label", [], [ino])).toEqual([
      { pid: expect.any(Number) as number, path: `${elsewhere}/ns` },
    ]);
  });

  it("names processes whose mounts take long to read, and finds the others", { timeout: 180_000 }, async () => {
    // The kernel prints each path through all mounts below it.
    const stack =
      'my ($place, $none) = ("/srv", ""); for (1 .. 20000) { syscall(165, $place, $place, $none, 0x1000, 0) == 0 or die $! } $| = 1; print "ready"; <STDIN>';
    const late = await hold(
      `exec unshare --mount --propagation private sh -c 'mount -t tmpfs many /srv; exec perl -e "$0"' '${stack}'`,
    );
    const mounted = await hold(
      "exec unshare --mount --propagation private sh -c 'mount -t tmpfs holders-label /srv; echo ready; read line'",
    );
    const expected = [
      { pid: late, path: undefined },
      { pid: mounted, path: "/srv" },
    ];
    expect(await findMounts("holders-label")).toEqual(expected.toSorted((a, b) => a.pid - b.pid));
  });

  it("finds a process by the user's files that it has mapped", async () => {
    const file = `${elsewhere}/mapped`;
    copyFileSync(LIBRARY, file);
    chownSync(file, GUEST, GUEST);
    const pid = await hold(withLibrary(file));
    expect(await find([], GUEST)).toEqual([{ pid, how: "mapping" }]);
  });

  it("names each process once, and never itself", async () => {
    const fd = openSync(`/proc/${base.pid}/root/mnt/file`, "r");
    const pid = await hold("cd /mnt/dir; exec 3</mnt/file 4</mnt/dir; echo ready; read line");
    expect(await find([device, device], -1)).toEqual([{ pid, how: "descriptor" }]);
    closeSync(fd);
  });

  it.skipIf(!hasFuse)("finds holders on a file system that never answers, without waiting for it", async () => {
    const place = base.sh("mkdir -p /mnt/silent && echo /mnt/silent").trim();
    // Only O_PATH opens it there.
    const open = `${process.execPath} -e 'fs.openSync("${place}", 0x200000); console.log("ready"); process.stdin.resume()'`;
    const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
    const pid = await hold(`exec 3<>/dev/fuse; mount -i -t fuse -o ${options} silent ${place} >&2; exec ${open}`);
    const silent = parseMounts(readFileSync(`/proc/${base.pid}/mountinfo`, "utf8")).find(
      ({ source }) => source === "silent",
    );
    expect(await find([silent?.device ?? ""], GUEST)).toEqual([{ pid, how: "descriptor" }]);
    await endAll();
    base.sh(`umount -l ${place}`);
  });

  it("finds a process by a namespace that it keeps, but not init, which keeps it for guestd", async () => {
    const { ino } = statSync(`/proc/${base.pid}/ns/mnt`);
    expect(await find([], -1, [ino])).toEqual([]);
    const pid = await hold("exec 3</proc/self/ns/mnt; echo ready; read line");
    expect(await find([], -1, [1, ino])).toEqual([{ pid, how: "namespace" }]);
    expect(await find([], -1, [ino + 1_000_000])).toEqual([]);
  });

  it("ignores a child that guestd is just starting, which briefly has its descriptors", async () => {
    const { ino } = statSync(`/proc/${base.pid}/ns/mnt`);
    const fd = openSync(`/proc/${base.pid}/ns/mnt`, "r");
    // Like a child of this process between fork and exec: it closes the descriptor later.
    const child = spawn("sh", ["-c", "echo ready; sleep 0.2; exec 3<&-; read line"], {
      stdio: ["pipe", "pipe", "inherit", fd],
    });
    started.push(child);
    if (child.stdout !== null) await once(child.stdout, "data");
    expect(await find([], -1, [ino])).toEqual([]);
    closeSync(fd);
  });

  it("finds the holders of many sessions in one look, each under its session", async () => {
    const file = `${elsewhere}/theirs`;
    writeFileSync(file, "content");
    chownSync(file, GUEST, GUEST);
    const { ino } = statSync(`/proc/${base.pid}/ns/mnt`);
    const mine = await hold(`exec 3</mnt/file 4<${file}; echo ready; read line`);
    const keeper = await hold("exec 3</proc/self/ns/mnt; echo ready; read line");
    const mounted = await hold(
      "exec unshare --mount --propagation private sh -c 'mount -t tmpfs holders-label /srv; echo ready; read line'",
    );
    const none = { devices: [], uid: undefined, namespaces: [], label: undefined };
    const others = Array.from({ length: 500 }, (_, index) => ({ ...none, devices: [`0:${1_000_000 + index}`] }));
    const sets = [
      { ...none, devices: [device] },
      ...others,
      { ...none, uid: GUEST },
      { ...none, namespaces: [ino] },
      { ...none, label: "holders-label" },
      { ...none, devices: [device], uid: GUEST },
    ];
    const found = await searchAllHolders(sets, { program: PROGRAM });
    const named = found.map(({ files, mounts }) => ({ files, mounts: mounts.filter(({ pid }) => pid !== base.pid) }));
    expect(named.slice(1, 501)).toEqual(others.map(() => ({ files: [], mounts: [] })));
    const descriptor = { pid: mine, how: "descriptor" };
    // Each namespace made from the base has the same mounts.
    expect(named[0]?.files).toEqual([descriptor]);
    expect(named.slice(501, 504)).toEqual([
      { files: [descriptor], mounts: [] },
      { files: [{ pid: keeper, how: "namespace" }], mounts: [] },
      { files: [], mounts: [{ pid: mounted, path: "/srv" }] },
    ]);
    expect(named[504]?.files).toEqual([descriptor]);
  });

  it("limits the holders named of one session, and still names those of another", { timeout: 60_000 }, async () => {
    await hold("exec 3</mnt/file 4<&0; for i in $(seq 520); do (read line) <&4 & done; echo ready; read line");
    const pid = await hold("exec 3</proc/self/ns/mnt; echo ready; read line");
    const { ino } = statSync(`/proc/${base.pid}/ns/mnt`);
    const none = { devices: [], uid: undefined, namespaces: [], label: undefined };
    const [many, one] = await searchAllHolders(
      [
        { ...none, devices: [device] },
        { ...none, namespaces: [ino] },
      ],
      { program: PROGRAM },
    );
    expect((many?.files.length ?? 0) + (many?.mounts.length ?? 0)).toBe(512);
    expect(one?.files).toEqual([{ pid, how: "namespace" }]);
  });

  it("names all holders, even many", async () => {
    await hold("exec 3</mnt/file 4<&0; for i in $(seq 120); do (read line) <&4 & done; echo ready; read line");
    const found = await find([device], -1);
    expect(new Set(found.map(({ pid }) => pid)).size).toBe(121);
    await endAll();
    await vi.waitFor(
      async () => {
        expect(await find([device], -1)).toEqual([]);
      },
      { timeout: 15_000 },
    );
  });

  describe("looking for members of sessions", () => {
    const members = async (...sets: readonly MemberCriteria[]) => {
      const found = await searchAllMembers(sets, { program: PROGRAM });
      for (const { unseen, whole } of found) expect({ unseen, whole }).toEqual({ unseen: [], whole: true });
      return found.map(({ pids }) => pids);
    };
    const view = (namespace: number, ...devices: string[]) => ({ view: { namespace, devices } });
    const inodeOf = (pid: number) => statSync(`/proc/${pid}/ns/mnt`).ino;

    it("finds members by their user, whichever ID it is, and no zombie", async () => {
      const pid = await hold("echo ready; read line", GUEST);
      const untilEnded =
        'do { open F, "/proc/$ARGV[0]/stat"; $stat = <F> } until $stat =~ /[)] Z/; $| = 1; print "ready"; <STDIN>';
      await hold(`setpriv --reuid=${GUEST} --clear-groups true & exec perl -e '${untilEnded}' $!`);
      expect(await members({ view: undefined, uid: GUEST }, { view: undefined, uid: GUEST + 1 })).toEqual([[pid], []]);
    });

    it("finds members by their view, where they are root's", async () => {
      const pid = await hold("echo ready; read line");
      const user = await hold("echo ready; read line", GUEST);
      const [found] = await members(view(inodeOf(base.pid)));
      expect(found).toEqual(expect.arrayContaining([base.pid, pid]));
      expect(found).not.toContain(user);
    });

    it("finds members by the session's memory that they took into a namespace of their own", async () => {
      const apart = "exec unshare --mount --propagation private";
      const pid = await hold(`${apart} sh -c 'echo ready; read line'`);
      const same = await hold(`exec nsenter --target=${pid} --mount sh -c 'echo ready; read line'`);
      const without = await hold(`${apart} sh -c 'umount -l /mnt; echo ready; read line'`);
      const [found, other] = await members(view(1, device), view(1, "0:1048575"));
      expect(found).toEqual(expect.arrayContaining([base.pid, pid, same]));
      expect(found).not.toContain(without);
      expect(other).toEqual([]);
    });

    it("finds neither guestd nor processes in its namespace, whatever is mounted there", async () => {
      const own = parseMounts(readFileSync("/proc/self/mountinfo", "utf8")).find(({ target }) => target === "/proc");
      const [found] = await members(view(1, own?.device ?? "none"));
      expect(found).not.toContain(1);
      expect(found).not.toContain(process.pid);
    });

    it("finds members whose first thread has ended", async () => {
      const pid = await hold(`exec ${elsewhere}/give ${GUEST} thread /mnt/file`);
      const [found] = await members(view(inodeOf(base.pid)));
      expect(found).toContain(pid);
    });
  });

  describe.skipIf(!hasFuse)("behind a process that hangs in execve", () => {
    /** Starts hanging processes, then one that holds a file. */
    async function hang(count: number) {
      execFileSync("gcc", ["-Wall", "-Wextra", "-Werror", "-O1", "-o", `${elsewhere}/hang`, "test/native/hang.c"]);
      const pids: number[] = [];
      for (let i = 0; i < count; i++) {
        const child = spawn(
          "unshare",
          ["--mount", "--propagation", "private", "sh", "-c", `exec ${elsewhere}/hang /mnt`],
          { stdio: ["pipe", "pipe", "inherit"] },
        );
        started.push(child);
        const [said] = (await once(child.stdout, "data")) as [Buffer];
        pids.push(Number(said.toString()));
      }
      await delay(100);
      return { pids: pids.toSorted((a, b) => a - b), holder: await hold("exec 3</mnt/file; echo ready; read line") };
    }

    it("finds the others, and names that process", { timeout: 20_000 }, async () => {
      const { pids, holder } = await hang(2);
      const found = await searchHolders(
        { devices: [device], uid: GUEST, namespaces: [], label: "" },
        { program: PROGRAM },
      );
      expect(found).toMatchObject({ files: [{ pid: holder, how: "descriptor" }], unseen: pids, whole: true });
    });

    it("stops at the time limit", { timeout: 20_000 }, async () => {
      const { pids } = await hang(4);
      // The first takes 2 s, and the second the rest of the 3.5 s. The others are not reached.
      const found = await searchHolders(
        { devices: [device], uid: GUEST, namespaces: [], label: "" },
        {
          program: PROGRAM,
          stallMs: 2000,
          limitMs: 3500,
        },
      );
      expect(found).toMatchObject({ files: [], unseen: pids.slice(0, 2), whole: false });
    });
  });

  describe("beside processes that take long to read", () => {
    const [SLOW, OTHER] = [GUEST + 1, GUEST + 2];
    let file: string;
    beforeAll(() => {
      execFileSync("gcc", [
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-D_GNU_SOURCE",
        "-o",
        `${elsewhere}/hog`,
        "test/native/hog.c",
      ]);
      chmodSync(elsewhere, 0o755);
      file = `${elsewhere}/slow`;
      writeFileSync(file, "content");
      chownSync(file, GUEST, GUEST);
    });
    const hog = (...numbers: readonly number[]) => hold(`exec ${elsewhere}/hog ${numbers.join(" ")}`, SLOW);
    const open = (uid: number) => hold(`exec 3<${file}; echo ready; read line`, uid);
    const findIn = (limitMs: number) =>
      searchHolders({ devices: [], uid: GUEST, namespaces: [], label: undefined }, { program: PROGRAM, limitMs });

    it("finds the others, and reads mappings once, not per thread", { timeout: 120_000 }, async () => {
      await hog(400, 0, 60_000);
      const pid = await open(OTHER);
      expect(await findIn(15_000)).toMatchObject({ files: [{ pid, how: "descriptor" }], unseen: [], whole: true });
    });

    it("finds the others, and names all processes of a user with many", { timeout: 120_000 }, async () => {
      const slow: number[] = [];
      let same: number;
      // They are looked at in this order, unless PIDs have just wrapped around.
      do {
        await endAll();
        slow.splice(0);
        while (slow.length < 11) slow.push(await hog(400, 2000, 0));
        same = await open(SLOW);
      } while (same < Math.max(...slow));
      const other = await open(OTHER);
      const found = await findIn(60_000);
      expect(found).toMatchObject({ files: [{ pid: other, how: "descriptor" }], unseen: [], whole: true });
      expect(new Set(found.unread)).toEqual(new Set([...slow, same]));
    });
  });

  it("finds all holders even when guestd was busy: a late read is no hang", async () => {
    const finding = searchHolders(
      { devices: [device], uid: GUEST, namespaces: [], label: "" },
      {
        program: PROGRAM,
        stallMs: 1000,
        limitMs: 20_000,
      },
    );
    await delay(1);
    for (const end = performance.now() + 2500; performance.now() < end;);
    expect(await finding).toMatchObject({ files: [], unseen: [], whole: true });
  });

  it("leaves no thread and no descriptor behind, while processes come and go", async () => {
    const before = traces();
    const churn = spawn("sh", ["-c", "while :; do /bin/true; done"]);
    await Promise.all(Array.from({ length: 20 }, () => find([device], GUEST)));
    const ended = once(churn, "exit");
    churn.kill("SIGKILL");
    await ended;
    await vi.waitFor(
      () => {
        expect(traces()).toEqual(before);
      },
      { timeout: 15_000 },
    );
  });
});

const userOf = (uid: number) => (uid === -1 ? undefined : uid);

function childrenOf(pid: number): number[] {
  return execFileSync("sh", ["-c", `cat /proc/${pid}/task/*/children`], { encoding: "utf8" })
    .trim()
    .split(" ")
    .map(Number);
}
