import { closeSync, constants, fstatSync, mkdtempSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { View } from "../../../../src/policy/session.ts";
import { hasProcesses } from "../../../../src/policy/session.ts";
import type { Held, Kind } from "../../../../src/system/sessions/held.ts";
import { readStartTime } from "../../../../src/system/processes/identity.ts";
import { closeHeld, holdView, takeUpView } from "../../../../src/system/sessions/held.ts";

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

describe("holdView", () => {
  it("names the descriptors that it holds, for logins to open", () => {
    const held: Held = {};
    const isolation = { pid: process.pid, pidfd: 13, processes: { fd: 11, inode: 101 }, ipc: { fd: 12, inode: 102 } };
    const view = holdView(held, {
      fd: 10,
      inode: 100,
      tmpfs: [{ target: "/tmp", device: "0:51" }],
      skipped: ["/x"],
      dropped: [],
      isolation,
    });
    const path = (fd: number) => `/proc/${process.pid}/fd/${fd}`;
    expect(view).toEqual({
      inode: 100,
      path: path(10),
      devices: ["0:51"],
      skipped: ["/x"],
      isolation: {
        reaper: { pid: process.pid, startTime: readStartTime(process.pid) },
        processes: { inode: 101, path: path(11) },
        ipc: { inode: 102, path: path(12) },
      },
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
    if (!hasProcesses(isolation)) throw new Error("none");
    return isolation;
  };
  const OTHER = { inode: 1, path: "" };
  type Kept = Partial<Record<Kind, number>>;
  const take = (recorded: View, leader = process.pid, kept: Kept = {}) => {
    const held: Held = {};
    const view = takeUpView(held, { openPidfd: openNull }, leader, recorded, (kind) => kept[kind]);
    const opened = Object.values(held).filter((fd): fd is number => typeof fd === "number");
    closeHeld(held);
    expect(opened.map(isOpen)).toEqual(opened.map(() => false));
    return { view, held };
  };

  it("returns none whose leader is in another namespace now", () => {
    const { isolation: _none, ...leased } = shared({ inode: 1 });
    expect(take(leased)).toEqual({ view: undefined, held: {} });
  });

  it("returns none whose leader is gone", () => {
    const { isolation: _none, ...leased } = shared();
    expect(take(leased, 2 ** 30)).toEqual({ view: undefined, held: {} });
  });

  it("returns none whose reaper's PID was reused", () => {
    const { view, held } = take(
      shared({ isolation: { ...isolationOf(shared()), reaper: { pid: process.pid, startTime: startTime() - 1 } } }),
    );
    expect(view).toBeUndefined();
    expect(held.reaper).toBeUndefined();
  });

  it.each<[string, () => View]>([
    ["PID namespace", () => shared({ isolation: { ...isolationOf(shared()), processes: OTHER } })],
    ["IPC namespace", () => shared({ isolation: { ...isolationOf(shared()), ipc: OTHER } })],
    ["PID and IPC namespaces", () => shared({ isolation: { ...isolationOf(shared()), processes: OTHER, ipc: OTHER } })],
    ["mount namespace", () => shared({ inode: 1 })],
  ])("returns all or nothing: none whose %s is missing", (_, recorded) => {
    expect(take(recorded()).view).toBeUndefined();
  });

  it("returns none whose reaper is gone, and asks no other process for it", () => {
    const { reaper } = isolationOf(shared());
    expect(take(shared({ isolation: { ...isolationOf(shared()), reaper: { ...reaper, pid: 2 ** 30 } } }))).toEqual({
      view: undefined,
      held: {},
    });
    const gone = () => {
      throw Object.assign(new Error("ESRCH"), { code: "ESRCH" });
    };
    const held: Held = {};
    expect(takeUpView(held, { openPidfd: gone }, process.pid, shared(), () => undefined)).toBeUndefined();
    expect(held).toEqual({});
  });

  describe("with systemd's stored descriptors", () => {
    const NAMES = { view: "mnt", processes: "pid", ipc: "ipc" } as const;
    const own = (kind: keyof typeof NAMES) => openSync(`/proc/self/ns/${NAMES[kind]}`, constants.O_RDONLY);
    const all = (): Kept => ({ view: own("view"), processes: own("processes"), ipc: own("ipc"), reaper: openNull() });
    const NOBODY = 2 ** 30;
    const deadReaper = () => shared({ isolation: { ...isolationOf(shared()), reaper: { pid: NOBODY, startTime: 1 } } });

    it("rejects another inode, and closes it", () => {
      const { isolation: _none, ...leased } = shared();
      const wrong = own("ipc");
      expect(take(leased, NOBODY, { view: wrong })).toEqual({ view: undefined, held: {} });
      expect(isOpen(wrong)).toBe(false);
    });

    it.each(["view", "processes", "ipc"] as const)(
      "uses the process in the view where the stored descriptor is unusable (%s)",
      (kind) => {
        const kept = { ...all(), [kind]: openNull() };
        const { view, held } = take(shared(), process.pid, kept);
        expect(view).toBeDefined();
        expect(held[kind]).not.toBeUndefined();
        expect(Object.values(kept).map(isOpen)).toEqual(Object.values(kept).map(() => false));
      },
    );

    it.each(["view", "processes", "ipc"] as const)(
      "returns all or nothing of a reaper that has ended (%s was not stored)",
      (kind) => {
        const { [kind]: missing = -1, ...kept } = all();
        closeSync(missing);
        const { view, held } = take(deadReaper(), NOBODY, kept);
        expect(view).toBeUndefined();
        // Held until the session is ended.
        expect(Object.keys(held).sort()).toEqual(Object.keys(kept).sort());
      },
    );

    it("asks no other process that has reused a reaper's PID", () => {
      const recorded = shared({ isolation: { ...isolationOf(shared()), reaper: { pid: process.pid, startTime: 1 } } });
      const { view, held } = take(recorded, NOBODY, { reaper: openNull() });
      expect(view).toBeUndefined();
      expect(Object.keys(held)).toEqual(["reaper"]);
    });

    it("returns the view though its leader and its reaper have ended", () => {
      const kept = all();
      const { view, held } = take(deadReaper(), NOBODY, kept);
      expect(held).toEqual(kept);
      expect(view).toMatchObject({
        inode: inodeOf("mnt"),
        path: `/proc/${process.pid}/fd/${kept.view ?? -1}`,
        isolation: { processes: { path: `/proc/${process.pid}/fd/${kept.processes ?? -1}` } },
      });
    });

    it("asks for a leased account's view and home mount, and for nothing of the leader", () => {
      const { isolation: _none, ...leased } = shared();
      const asked: Kind[] = [];
      const held: Held = {};
      takeUpView(held, { openPidfd: openNull }, NOBODY, leased, (kind) => {
        asked.push(kind);
        return undefined;
      });
      expect(asked).toEqual(["home", "view"]);
      expect(held).toEqual({});
    });

    it("does not ask the process where the descriptors are good", () => {
      const { view, held } = take(shared(), NOBODY, all());
      expect(view).toBeDefined();
      expect(Object.keys(held).sort()).toEqual(["ipc", "processes", "reaper", "view"]);
    });
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

  it("returns the view by its own descriptors, not by the recorded ones", () => {
    const { view, held } = take(shared());
    expect(view?.path).toBe(`/proc/${process.pid}/fd/${held.view ?? -1}`);
    expect(view?.isolation).toHaveProperty("processes", {
      inode: inodeOf("pid"),
      path: `/proc/${process.pid}/fd/${held.processes ?? -1}`,
    });
    expect(view?.isolation?.ipc).toEqual({ inode: inodeOf("ipc"), path: `/proc/${process.pid}/fd/${held.ipc ?? -1}` });
    expect(view).toMatchObject({ devices: ["0:51"], isolation: { reaper: { pid: process.pid } } });
  });
});

describe("an IPC namespace without a PID namespace", () => {
  const recorded = (inode: number): View => ({
    inode: statSync("/proc/self/ns/mnt").ino,
    path: "/proc/1/fd/9",
    devices: [],
    skipped: [],
    isolation: { ipc: { inode, path: "/proc/1/fd/11" } },
  });
  const own = statSync("/proc/self/ns/ipc").ino;
  const take = (view: View, leader: number, kept: Partial<Record<Kind, number>> = {}) => {
    const held: Held = {};
    const found = takeUpView(held, { openPidfd: openNull }, leader, view, (kind) => kept[kind]);
    closeHeld(held);
    return found;
  };

  it("is held, and named for logins to open", () => {
    const held: Held = {};
    const isolation = { ipc: { fd: 12, inode: 102 } };
    const view = holdView(held, { fd: 10, inode: 100, tmpfs: [], skipped: [], dropped: [], isolation });
    expect(view.isolation).toEqual({ ipc: { inode: 102, path: `/proc/${process.pid}/fd/12` } });
    expect(held).toEqual({ view: 10, ipc: 12 });
  });

  it("is taken up from the leader, which has stayed in it", () => {
    const view = take(recorded(own), process.pid);
    expect(view?.isolation).toEqual({
      ipc: { inode: own, path: expect.stringMatching(/^\/proc\/\d+\/fd\/\d+$/) as string },
    });
  });

  it("is taken up by systemd's stored descriptor, whatever process the leader is", () => {
    const kept = { view: openSync("/proc/self/ns/mnt", "r"), ipc: openSync("/proc/self/ns/ipc", "r") };
    expect(take(recorded(own), 2 ** 30, kept)?.isolation).toHaveProperty("ipc.inode", own);
  });

  it("loses its view where it is unknown, and no leader is let into half of it", () => {
    expect(take(recorded(1), process.pid)).toBeUndefined();
  });
});

describe("holdView of a reaper that has ended already", () => {
  it("fails, and still holds everything to be closed", () => {
    const held: Held = {};
    const isolation = { pid: 2 ** 30, pidfd: 13, processes: { fd: 11, inode: 101 }, ipc: { fd: 12, inode: 102 } };
    expect(() => holdView(held, { fd: 10, inode: 100, tmpfs: [], skipped: [], dropped: [], isolation })).toThrow(
      /has ended/,
    );
    expect(held).toEqual({ view: 10, processes: 11, ipc: 12, reaper: 13 });
  });
});

describe("closeHeld", () => {
  it("closes all descriptors, and stops watching", () => {
    let stopped = 0;
    const fds = [openNull(), openNull(), openNull(), openNull(), openNull()] as const;
    const [pidfd, view, reaper, processes, ipc] = fds;
    closeHeld({
      pidfd,
      view,
      reaper,
      processes,
      ipc,
      watch: { stop: () => stopped++ },
      reaperWatch: { stop: () => stopped++ },
    });
    expect(fds.map(isOpen)).toEqual([false, false, false, false, false]);
    expect(stopped).toBe(2);
  });

  it("does nothing where nothing is held", () => {
    const fd = openNull();
    closeHeld({});
    expect(isOpen(fd)).toBe(true);
    closeSync(fd);
  });
});
