import { closeSync, constants, fstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { View } from "../../../src/policy/session.ts";
import type { Held } from "../../../src/system/held.ts";
import { holdView, letGo, readStartTime, takeUpView } from "../../../src/system/held.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-held-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const openNull = () => openSync("/dev/null", constants.O_RDONLY);
const isOpen = (fd: number) => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

describe("readStartTime", () => {
  const stat = (text: string) => {
    mkdirSync(join(root, "7"));
    writeFileSync(join(root, "7/stat"), text);
    return readStartTime(7, root);
  };
  const AFTER_NAME = "S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 99 0\n";

  it("knows none of a process that is gone", () => {
    expect(readStartTime(7, root)).toBeUndefined();
  });

  it.each(["(bash)", "(a b)", "(a) S 1 2 (b)", "())", "(()", "(\n)", "(x) R 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 1 9)"])("is not misled by a command named %j", (name) => {
    expect(stat(`7 ${name} ${AFTER_NAME}`)).toBe(123456);
  });

  it("is the same at each look at a process that lives", () => {
    const first = readStartTime(process.pid);
    expect(first).toBeGreaterThan(0);
    expect(readStartTime(process.pid)).toBe(first);
  });
});

describe("holdView", () => {
  it("names the descriptors that it keeps, so that a login can open them", () => {
    const held: Held = {};
    const isolation = { pid: process.pid, pidfd: 13, processes: { fd: 11, inode: 101 }, ipc: { fd: 12, inode: 102 } };
    const view = holdView(held, { fd: 10, inode: 100, tmpfs: [{ target: "/tmp", device: "0:51" }], skipped: ["/x"], isolation });
    const path = (fd: number) => `/proc/${process.pid}/fd/${fd}`;
    expect(view).toEqual({
      inode: 100,
      path: path(10),
      devices: ["0:51"],
      skipped: ["/x"],
      isolation: { reaper: { pid: process.pid, startTime: readStartTime(process.pid) }, processes: { inode: 101, path: path(11) }, ipc: { inode: 102, path: path(12) } },
    });
    expect(held).toEqual({ view: 10, processes: 11, ipc: 12, reaper: 13 });
  });
});

describe("takeUpView", () => {
  const inodeOf = (kind: string) => statSync(`/proc/self/ns/${kind}`).ino;
  const startTime = () => readStartTime(process.pid) ?? 0;
  const shared = (change: object = {}): View => ({
    inode: inodeOf("mnt"),
    path: "/proc/1/fd/9",
    devices: ["0:51"],
    skipped: [],
    isolation: {
      reaper: { pid: process.pid, startTime: startTime() },
      processes: { inode: inodeOf("pid"), path: "/proc/1/fd/10" },
      ipc: { inode: inodeOf("ipc"), path: "/proc/1/fd/11" },
    },
    ...change,
  });
  const isolationOf = ({ isolation }: View) => {
    if (isolation === undefined) throw new Error("none");
    return isolation;
  };
  const OTHER = { inode: 1, path: "" };
  const take = (recorded: View, leader = process.pid) => {
    const held: Held = {};
    const view = takeUpView(held, { openPidfd: openNull }, leader, recorded);
    const opened = Object.values(held).filter((fd): fd is number => typeof fd === "number");
    letGo(held);
    expect(opened.map(isOpen)).toEqual(opened.map(() => false));
    return { view, held };
  };

  it("gives none whose leader is in another namespace now", () => {
    const { isolation: _none, ...leased } = shared({ inode: 1 });
    expect(take(leased)).toEqual({ view: undefined, held: {} });
  });

  it("gives none whose leader is gone", () => {
    const { isolation: _none, ...leased } = shared();
    expect(take(leased, 2 ** 30)).toEqual({ view: undefined, held: {} });
  });

  it("gives none whose reaper is another process by now", () => {
    const { view, held } = take(shared({ isolation: { ...isolationOf(shared()), reaper: { pid: process.pid, startTime: startTime() - 1 } } }));
    expect(view).toBeUndefined();
    expect(held.reaper).toBeUndefined();
  });

  it.each<[string, () => View]>([
    ["PID namespace", () => shared({ isolation: { ...isolationOf(shared()), processes: OTHER } })],
    ["IPC namespace", () => shared({ isolation: { ...isolationOf(shared()), ipc: OTHER } })],
    ["PID and IPC namespaces", () => shared({ isolation: { ...isolationOf(shared()), processes: OTHER, ipc: OTHER } })],
    ["mount namespace", () => shared({ inode: 1 })],
  ])("gives all or nothing: none whose %s is not found", (_, recorded) => {
    expect(take(recorded()).view).toBeUndefined();
  });

  it("gives none whose reaper is gone, and asks no other process for it", () => {
    const { reaper } = isolationOf(shared());
    expect(take(shared({ isolation: { ...isolationOf(shared()), reaper: { ...reaper, pid: 2 ** 30 } } }))).toEqual({ view: undefined, held: {} });
    const gone = () => {
      throw Object.assign(new Error("ESRCH"), { code: "ESRCH" });
    };
    const held: Held = {};
    expect(takeUpView(held, { openPidfd: gone }, process.pid, shared())).toBeUndefined();
    expect(held).toEqual({});
  });

  it("leaves no descriptor open, whatever was missing", () => {
    const recorded = [
      shared(),
      shared({ inode: 1 }),
      shared({ isolation: { ...isolationOf(shared()), processes: OTHER } }),
      shared({ isolation: { ...isolationOf(shared()), ipc: OTHER } }),
      shared({ isolation: { ...isolationOf(shared()), reaper: { pid: process.pid, startTime: 1 } } }),
    ];
    const count = () => readdirSync("/proc/self/fd").length;
    const before = count();
    for (const view of recorded) for (let times = 0; times < 20; times++) take(view);
    expect(count()).toBe(before);
  });

  it("gives the view by descriptors of its own, not by the recorded ones", () => {
    const { view, held } = take(shared());
    expect(view?.path).toBe(`/proc/${process.pid}/fd/${held.view ?? -1}`);
    expect(view?.isolation?.processes).toEqual({ inode: inodeOf("pid"), path: `/proc/${process.pid}/fd/${held.processes ?? -1}` });
    expect(view?.isolation?.ipc).toEqual({ inode: inodeOf("ipc"), path: `/proc/${process.pid}/fd/${held.ipc ?? -1}` });
    expect(view).toMatchObject({ devices: ["0:51"], isolation: { reaper: { pid: process.pid } } });
  });
});

describe("holdView of a reaper that has ended already", () => {
  it("says so, and keeps all that there is to be let go of", () => {
    const held: Held = {};
    const isolation = { pid: 2 ** 30, pidfd: 13, processes: { fd: 11, inode: 101 }, ipc: { fd: 12, inode: 102 } };
    expect(() => holdView(held, { fd: 10, inode: 100, tmpfs: [], skipped: [], isolation })).toThrow(/has ended/);
    expect(held).toEqual({ view: 10, processes: 11, ipc: 12, reaper: 13 });
  });
});

describe("letGo", () => {
  it("closes all descriptors, and stops watching", () => {
    let stopped = 0;
    const fds = [openNull(), openNull(), openNull(), openNull(), openNull()] as const;
    const [pidfd, view, reaper, processes, ipc] = fds;
    letGo({ pidfd, view, reaper, processes, ipc, watch: { stop: () => stopped++ }, reaperWatch: { stop: () => stopped++ } });
    expect(fds.map(isOpen)).toEqual([false, false, false, false, false]);
    expect(stopped).toBe(2);
  });

  it("has nothing to do where nothing is held", () => {
    const fd = openNull();
    letGo({});
    expect(isOpen(fd)).toBe(true);
    closeSync(fd);
  });
});
