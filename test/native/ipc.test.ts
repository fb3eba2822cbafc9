// A user's objects in guestd's IPC namespace, by id and through an unmounted file system. A user's own namespace, which
// is emptied.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { waitFor } from "../helpers/wait.ts";
import { describeAsRoot, failureOf, GUEST, native, pidOf, traces } from "./rig.ts";

const asGuest = (...argv: string[]) =>
  execFileSync("setpriv", [`--reuid=${GUEST}`, "--clear-groups", ...argv], { encoding: "utf8" });
const KINDS = [
  ["shm", "--shmem", "4096"],
  ["sem", "--semaphore", "2"],
  ["msg", "--queue", ""],
] as const;
const LISTS = KINDS.map(([kind]) => `/proc/sysvipc/${kind}`);

/** Ids of the guest in /proc/sysvipc. */
function idsOf(kind: string): number[] {
  const [head = "", ...lines] = readFileSync(`/proc/sysvipc/${kind}`, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const [id, uid] = [kind === "msg" ? "msqid" : `${kind}id`, "uid"].map((name) => (head as string[]).indexOf(name));
  return lines.filter((line) => line[uid ?? 0] === String(GUEST)).map((line) => Number(line[id ?? 0]));
}

/** Creates one as the guest, with mode 0600. */
function make(kind: string, option: string, size: string): number {
  asGuest("ipcmk", option, ...(size === "" ? [] : [size]), "--mode", "0600");
  const [id = -1] = idsOf(kind);
  return id;
}

describeAsRoot("System V objects", () => {
  afterEach(() => {
    for (const [kind] of KINDS) for (const id of idsOf(kind)) native.removeIpc(kind, id);
  });

  it.each<[title: string, kind: unknown, id: unknown, path: string]>([
    ["of an unknown kind", "mqueue", 1, "kind"],
    ["whose kind is no text", 3, 1, "kind"],
    ["with a negative id", "shm", -1, "id"],
    ["with an id that is too large", "sem", 2 ** 31, "id"],
    ["with a broken id", "msg", 1.5, "id"],
  ])("are not removed %s", (_title, kind, id, path) => {
    expect(() => {
      native.removeIpc(kind as "shm", id as number);
    }).toThrow(expect.objectContaining({ step: "arguments", path, code: "EINVAL" }));
  });

  it.each(KINDS)("of the kind %s cannot be removed by a user without rights", (kind, option, size) => {
    const id = make(kind, option, size);
    const script = `require(${JSON.stringify(process.env["GUESTNS_ADDON"] ?? `${process.cwd()}/build/host/guestns.node`)}).removeIpc("${kind}", ${id})`;
    const run = () =>
      execFileSync("setpriv", ["--reuid=54321", "--clear-groups", process.execPath, "-e", script], {
        encoding: "utf8",
        stdio: "pipe",
      });
    expect(run).toThrow(`${kind}ctl ${id}: Operation not permitted (EPERM)`);
    expect(idsOf(kind)).toEqual([id]);
  });

  it.each(KINDS)("of the kind %s are removed by their id, and only once", (kind, option, size) => {
    const id = make(kind, option, size);
    native.removeIpc(kind, id);
    expect(idsOf(kind)).toEqual([]);
    native.removeIpc(kind, id);
    const again = make(kind, option, size);
    expect(again).not.toBe(id);
    native.removeIpc(kind, id);
    expect(idsOf(kind)).toEqual([again]);
  });
});

const isKnownToHaveKeys = () => new RegExp(`^ *${GUEST}:`, "m").test(readFileSync("/proc/key-users", "utf8"));

/** The namespace's process runs until its input ends. */
async function startIpcNamespace(...before: readonly string[]) {
  const script = "ipcmk --shmem 4096; ipcmk --semaphore 2; ipcmk --queue; ipcmk --shmem 4096; echo made; exec cat";
  const argv = ["--ipc", "setpriv", `--reuid=${GUEST}`, "--clear-groups", ...before, "/bin/sh", "-euc", script];
  const child = spawn("unshare", argv, { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout) if ((text += String(chunk)).endsWith("made\n")) break;
  const fd = openSync(`/proc/${pidOf(child)}/ns/ipc`, "r");
  /** Only the descriptor keeps the namespace. */
  const leave = async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, "exit");
  };
  return {
    fd,
    list: () => execFileSync("nsenter", [`--ipc=/proc/${process.pid}/fd/${fd}`, "cat", ...LISTS], { encoding: "utf8" }),
    end: async () => {
      closeSync(fd);
      await leave();
    },
    leave,
  };
}

describeAsRoot("the IPC namespace of a session", () => {
  it("is not emptied where it is guestd's own, another kind of file, or none", async () => {
    const id = make(...KINDS[0]);
    for (const path of ["/proc/self/ns/ipc", "/proc/self/ns/mnt", "/dev/null"]) {
      const fd = openSync(path, "r");
      expect(await failureOf(native.emptyIpc(fd)), path).toMatchObject({ step: "setns", code: "EINVAL" });
      closeSync(fd);
    }
    expect(await failureOf(native.emptyIpc(-1))).toMatchObject({ step: "arguments", code: "EINVAL" });
    expect(idsOf("shm")).toEqual([id]);
    native.removeIpc("shm", id);
  });

  it("is emptied of all kinds, and guestd's own objects stay", async () => {
    const id = make(...KINDS[0]);
    const before = traces();
    const namespace = await startIpcNamespace();
    try {
      expect(namespace.list().match(new RegExp(` ${GUEST} `, "g")) ?? []).not.toEqual([]);
      expect(await native.emptyIpc(namespace.fd)).toBe(4);
      expect(namespace.list().trimEnd().split("\n"), "three heads").toHaveLength(3);
      expect(await native.emptyIpc(namespace.fd)).toBe(0);
    } finally {
      await namespace.end();
    }
    expect(idsOf("shm")).toEqual([id]);
    native.removeIpc("shm", id);
    expect(traces()).toEqual(before);
  });

  it("keeps the key of a segment's creator until it is emptied", async () => {
    const dir = mkdtempSync(join(tmpdir(), "guestns-"));
    chmodSync(dir, 0o755);
    execFileSync("gcc", ["-Wall", "-Wextra", "-Werror", "-O1", "-o", `${dir}/hoard`, "test/native/hoard.c"]);
    const namespace = await startIpcNamespace(`${dir}/hoard`, "join");
    try {
      await namespace.leave();
      expect(isKnownToHaveKeys()).toBe(true);
      await native.emptyIpc(namespace.fd);
      await waitFor("the keys to go", () => !isKnownToHaveKeys());
    } finally {
      await namespace.end();
      rmSync(dir, { recursive: true });
    }
  });
});

/** Creates queues of the guest's and of root's. The mount lives as long as the script. */
const QUEUES = `mount -t mqueue q /mnt && setpriv --reuid=${GUEST} --clear-groups sh -c ': >/mnt/guestns-his' && : >/mnt/guestns-ours`;

describeAsRoot("message queues", () => {
  it("are files below a descriptor, separated by owner, and can be unlinked", () => {
    const before = traces();
    execFileSync("unshare", ["--mount", "--propagation", "private", "sh", "-euc", QUEUES]);
    const fd = native.openQueues();
    const dir = `/proc/self/fd/${fd}`;
    try {
      expect(readdirSync(dir)).toEqual(expect.arrayContaining(["guestns-his", "guestns-ours"]));
      expect([statSync(`${dir}/guestns-his`).uid, statSync(`${dir}/guestns-ours`).uid]).toEqual([GUEST, 0]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before.mounts);
    } finally {
      for (const name of ["guestns-his", "guestns-ours"]) unlinkSync(`${dir}/${name}`);
      closeSync(fd);
    }
    expect(traces()).toEqual(before);
  });

  it("are those of guestd's own IPC namespace, through a descriptor closed on exec", () => {
    const fd = native.openQueues();
    expect(readdirSync(`/proc/self/fd/${fd}`)).not.toContain("guestns-his");
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    expect(Number.parseInt(flags ?? "0", 8) & 0o2000000).not.toBe(0);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe("/");
    closeSync(fd);
  });
});
