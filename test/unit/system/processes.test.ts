import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Belonging } from "../../../src/system/processes.ts";
import { findProcesses, killProcesses } from "../../../src/system/processes.ts";

let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "guestd-proc-"));
});
afterEach(() => {
  rmSync(proc, { recursive: true });
});

const HOST = "36 35 8:1 / / rw - ext4 /dev/root rw\n";

/** A process of a made-up /proc; the inode of its ns/mnt file stands for the namespace. Returns that inode. */
function addProcess(pid: number, { mounts = HOST, cgroup = "0::/system.slice/x.service" } = {}): number {
  mkdirSync(join(proc, `${pid}/ns`), { recursive: true });
  for (const [name, text] of Object.entries({ "ns/mnt": "", mountinfo: mounts, cgroup: `${cgroup}\n` })) writeFileSync(join(proc, `${pid}/${name}`), text);
  return statSync(join(proc, `${pid}/ns/mnt`)).ino;
}

const belonging = (change: Partial<Belonging>): Belonging => ({ namespace: undefined, devices: [], scope: undefined, ...change });

describe("findProcesses", () => {
  it("finds nobody when nothing is known of the session", () => {
    addProcess(10);
    expect(findProcesses(proc, belonging({}))).toEqual([]);
  });

  it("finds those in the view, and no others", () => {
    const namespace = addProcess(10);
    addProcess(11);
    expect(findProcesses(proc, belonging({ namespace }))).toEqual([10]);
  });

  it("finds those that took the home along into a namespace of their own", () => {
    addProcess(10, { mounts: `${HOST}50 36 0:51 / /home/guest rw - tmpfs tmpfs rw\n` });
    addProcess(11, { mounts: `${HOST}50 36 0:5 / /home/guest rw - tmpfs tmpfs rw\n` });
    expect(findProcesses(proc, belonging({ devices: ["0:51"] }))).toEqual([10]);
  });

  it.each(["0::/user.slice/user-1101.slice/session-4.scope", "0::/user.slice/session-4.scope/deeper", "1:name=systemd:/a/session-4.scope"])(
    "finds those in the scope: %s",
    (cgroup) => {
      addProcess(10, { cgroup });
      addProcess(11, { cgroup: "0::/user.slice/session-44.scope" });
      addProcess(12, { cgroup: "0::/user.slice/xsession-4.scope" });
      expect(findProcesses(proc, belonging({ scope: "session-4.scope" }))).toEqual([10]);
    },
  );

  it("passes over a zombie, which has no namespace any more", () => {
    mkdirSync(join(proc, "10"));
    expect(findProcesses(proc, belonging({ namespace: 1, scope: "session-1.scope" }))).toEqual([]);
  });

  it("never finds guestd itself", () => {
    const namespace = addProcess(process.pid);
    expect(findProcesses(proc, belonging({ namespace }))).toEqual([]);
  });
});

describe("killProcesses", () => {
  const table = (bindings: { openPidfd: (pid: number) => number; sendSignal: (fd: number) => void }) => ({ proc, cgroups: [], bindings });
  const openSomething = () => {
    throw Object.assign(new Error("ESRCH"), { code: "ESRCH" });
  };

  it("names those that do not end in time", async () => {
    const namespace = addProcess(10);
    const sendSignal = () => undefined;
    expect(await killProcesses(table({ openPidfd: openSomething, sendSignal }), belonging({ namespace }), 20)).toEqual({ killed: 0, left: [10] });
  });

  it("has nothing to do for a session without processes", async () => {
    expect(await killProcesses(table({ openPidfd: openSomething, sendSignal: () => undefined }), belonging({ namespace: 1 }), 0)).toEqual({ killed: 0, left: [] });
  });
});
