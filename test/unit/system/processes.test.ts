import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cgroups } from "../../../src/system/cgroups.ts";
import type { Belonging, ProcessTable } from "../../../src/system/processes.ts";
import { findInView, killProcesses } from "../../../src/system/processes.ts";

let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "guestd-proc-"));
});
afterEach(() => {
  rmSync(proc, { recursive: true });
});

const HOST = "36 35 8:1 / / rw - ext4 /dev/root rw\n";

/** A process of a made-up /proc; the inode of its ns/mnt file stands for the namespace. Returns that inode. */
function addProcess(pid: number | string, mounts = HOST): number {
  mkdirSync(join(proc, `${pid}/ns`), { recursive: true });
  for (const [name, text] of Object.entries({ "ns/mnt": "", mountinfo: mounts })) writeFileSync(join(proc, `${pid}/${name}`), text);
  return statSync(join(proc, `${pid}/ns/mnt`)).ino;
}

const IN_HOME = `${HOST}50 36 0:51 / /home/guest rw - tmpfs tmpfs rw\n`;
const inView = (namespace: number, devices: string[] = []): Belonging => ({ cgroups: [], view: { namespace, devices } });

describe("findInView", () => {
  it("finds nobody when the view is not held", () => {
    addProcess(10);
    expect(findInView(proc, { cgroups: [], view: undefined })).toEqual([]);
  });

  it("finds those in the view, and no others", () => {
    const namespace = addProcess(10);
    addProcess(11);
    expect(findInView(proc, inView(namespace))).toEqual([10]);
  });

  it("finds those that took the home along into a namespace of their own", () => {
    addProcess(10, IN_HOME);
    addProcess(11, IN_HOME.replace("0:51", "0:5"));
    expect(findInView(proc, inView(1, ["0:51"]))).toEqual([10]);
  });

  it("never finds what is in guestd's own namespace, whatever is mounted there", () => {
    addProcess(process.pid, IN_HOME);
    mkdirSync(join(proc, "10"));
    symlinkSync(join(proc, `${process.pid}/ns`), join(proc, "10/ns"));
    writeFileSync(join(proc, "10/mountinfo"), IN_HOME);
    expect(findInView(proc, inView(1, ["0:51"]))).toEqual([]);
  });

  it("finds a process whose first thread has ended", () => {
    mkdirSync(join(proc, "10/task/10"), { recursive: true });
    const namespace = addProcess("10/task/12");
    expect(findInView(proc, inView(namespace))).toEqual([10]);
  });

  it("passes over a zombie, which has no namespace any more", () => {
    mkdirSync(join(proc, "10/task/10"), { recursive: true });
    expect(findInView(proc, inView(1))).toEqual([]);
  });

  it("never finds guestd itself", () => {
    const namespace = addProcess(process.pid);
    expect(findInView(proc, inView(namespace))).toEqual([]);
  });
});

describe("killProcesses", () => {
  const cgroup = { path: "/a.scope", inode: "1" };
  const gone = () => {
    throw Object.assign(new Error("ESRCH"), { code: "ESRCH" });
  };

  /** A table whose cgroup holds `pids` until it was killed `endures` times. */
  function tableWith(pids: number[], endures: number): ProcessTable {
    let kills = 0;
    const cgroups = {
      isPopulated: () => kills <= endures && endures >= 0,
      list: () => pids,
      contains: () => true,
      kill: () => {
        kills++;
      },
    };
    return { proc, cgroups: cgroups as unknown as Cgroups, bindings: { openPidfd: gone, sendSignal: () => undefined } };
  }

  it("kills a cgroup until the kernel says that nobody is in it", async () => {
    expect(await killProcesses(tableWith([7, 8], 2), { cgroups: [cgroup], view: undefined }, 5_000)).toEqual({ killed: 2, left: [] });
  });

  it("kills a cgroup in which no process can be seen", async () => {
    expect(await killProcesses(tableWith([], 1), { cgroups: [cgroup], view: undefined }, 5_000)).toEqual({ killed: 0, left: [] });
  });

  it("names those that do not end in time", async () => {
    const namespace = addProcess(10);
    expect(await killProcesses(tableWith([], -1), inView(namespace), 20)).toEqual({ killed: 0, left: ["process 10 does not end"] });
  });

  it("is not content with a cgroup in which nobody can be seen, but somebody is", async () => {
    expect(await killProcesses(tableWith([], 1e9), { cgroups: [cgroup], view: undefined }, 20)).toEqual({ killed: 0, left: ["/a.scope is never empty"] });
  });

  it("has nothing to do for a session without processes", async () => {
    expect(await killProcesses(tableWith([], -1), { cgroups: [cgroup], view: undefined }, 0)).toEqual({ killed: 0, left: [] });
  });
});
