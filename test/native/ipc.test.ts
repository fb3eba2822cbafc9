// What a user has left in the IPC namespace of guestd itself: by id, and through a file system that is mounted nowhere.
import { execFileSync } from "node:child_process";
import { closeSync, readdirSync, readFileSync, readlinkSync, statSync, unlinkSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { describeAsRoot, GUEST, native, traces } from "./rig.ts";

const asGuest = (...argv: string[]) =>
  execFileSync("setpriv", [`--reuid=${GUEST}`, "--clear-groups", ...argv], { encoding: "utf8" });
const KINDS = [
  ["shm", "--shmem", "4096"],
  ["sem", "--semaphore", "2"],
  ["msg", "--queue", ""],
] as const;

/** The ids in /proc/sysvipc that belong to the guest. */
function idsOf(kind: string): number[] {
  const [head = "", ...lines] = readFileSync(`/proc/sysvipc/${kind}`, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const [id, uid] = [kind === "msg" ? "msqid" : `${kind}id`, "uid"].map((name) => (head as string[]).indexOf(name));
  return lines.filter((line) => line[uid ?? 0] === String(GUEST)).map((line) => Number(line[id ?? 0]));
}

/** Makes one as the guest, with mode 0600. */
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
    ["with an id that does not fit", "sem", 2 ** 31, "id"],
    ["with a broken id", "msg", 1.5, "id"],
  ])("are not removed %s", (_title, kind, id, path) => {
    expect(() => {
      native.removeIpc(kind as "shm", id as number);
    }).toThrow(expect.objectContaining({ step: "arguments", path, code: "EINVAL" }));
  });

  it.each(KINDS)("of somebody without rights over %s cannot be removed by him", (kind, option, size) => {
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

  it.each(KINDS)("of the kind %s are removed by their id, and once is enough", (kind, option, size) => {
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

/** Makes a queue as the guest, and one of root's, through a mount that lives as long as the script. */
const QUEUES = `mount -t mqueue q /mnt && setpriv --reuid=${GUEST} --clear-groups sh -c ': >/mnt/guestns-his' && : >/mnt/guestns-ours`;

describeAsRoot("message queues", () => {
  it("are files below a descriptor, told apart by their owners, and can be unlinked", () => {
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

  it("are those of our own IPC namespace, through a descriptor closed on exec", () => {
    const fd = native.openQueues();
    expect(readdirSync(`/proc/self/fd/${fd}`)).not.toContain("guestns-his");
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    expect(Number.parseInt(flags ?? "0", 8) & 0o2000000).not.toBe(0);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe("/");
    closeSync(fd);
  });
});
