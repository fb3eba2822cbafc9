import { closeSync, constants, fstatSync, openSync, readdirSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { View } from "../../../../src/policy/session.ts";
import type { Bindings } from "../../../../src/system/bindings.ts";
import { Cgroups } from "../../../../src/system/processes/cgroups.ts";
import { Executor } from "../../../../src/system/sessions/executor.ts";
import { FdStore } from "../../../../src/system/sessions/fd-store.ts";
import type { SearchHolders } from "../../../../src/system/processes/holder-search.ts";
import { readStartTime } from "../../../../src/system/sessions/held.ts";

const subject = { id: "s1", uid: 60600 };
const NOBODY = { pid: 2 ** 30, startTime: 42 };
const self = () => ({ pid: process.pid, startTime: readStartTime(process.pid) ?? 0 });
const VIEW: View = { inode: statSync("/proc/self/ns/mnt").ino, path: "/proc/1/fd/9", devices: ["0:51"], skipped: [] };
const openNull = () => openSync("/dev/null", constants.O_RDONLY);
const isOpen = (fd: number) => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

/** An executor on an addon that notes what it is asked for; `kept` is what systemd has kept. */
function executorWith({
  kept = [],
  dead = [],
  refuses = () => false,
}: {
  kept?: readonly (readonly [string, number])[];
  dead?: readonly number[];
  refuses?: (state: string) => boolean;
} = {}) {
  const told: string[] = [];
  const faults: unknown[] = [];
  const exited: string[] = [];
  const watches = new Map<number, () => void>();
  const asked: unknown[][] = [];
  const bindings: Partial<Bindings> = {
    openPidfd: openNull,
    watchPidfd: (fd, onExit) => {
      watches.set(fd, onExit);
      return { stop: () => watches.delete(fd) };
    },
    sendSignal: (fd) => {
      if (dead.includes(fd)) throw Object.assign(new Error("ESRCH"), { code: "ESRCH" });
    },
    measureView: () => 4096,
    wipeView: () => Promise.resolve(0),
    reap: () => true,
  };
  const search: SearchHolders = (sought) => {
    asked.push([sought.devices, sought.uid, sought.namespaces]);
    return Promise.resolve({ holders: [], mounters: [], unseen: [], whole: true });
  };
  const names = new Map(kept);
  // As systemd passes them, but where the descriptors are.
  const fdStore = new FdStore(
    (_, state) => {
      if (refuses(state)) throw new Error("EAGAIN");
      told.push(state.split("\n").slice(0, 2).join(" "));
    },
    { NOTIFY_SOCKET: "/run/systemd/notify" },
  );
  fdStore.take = (name) => {
    const fd = names.get(name);
    names.delete(name);
    return fd;
  };
  const executor = new Executor(
    bindings as Bindings,
    new Cgroups(),
    fdStore,
    {
      nameExists: () => Promise.resolve(true),
      onLeaderExit: (id) => exited.push(id),
      onStoreFault: (error) => faults.push(error),
    },
    search,
  );
  return { executor, told, faults, exited, watches, asked, names, fdStore };
}

const DROP = { leased: true, tmpfs: ["/tmp"], devices: ["0:51"], isLost: false };

describe("taking up a session", () => {
  it("whose leader is another process by now says that it has gone", () => {
    const { executor } = executorWith();
    expect(executor.takeUp("s1", { ...self(), startTime: 1 }, undefined)).toEqual({
      view: undefined,
      isLeaderThere: false,
    });
    expect(executor.takeUp("s1", NOBODY, VIEW)).toEqual({ view: undefined, isLeaderThere: false });
  });

  it("believes what systemd has kept of the leader more than its pid", () => {
    const pidfd = openNull();
    const { executor, watches } = executorWith({ kept: [["s1-pidfd", pidfd]], dead: [pidfd] });
    expect(executor.takeUp("s1", self(), undefined)).toEqual({ view: undefined, isLeaderThere: false });
    expect([...watches.keys()]).toEqual([pidfd]);
    closeSync(pidfd);
  });

  it("takes nothing of another session's", () => {
    const fd = openNull();
    const { executor, names } = executorWith({
      kept: [
        ["s2-view", fd],
        ["s11-view", fd],
        ["s1-viewx", fd],
      ],
    });
    expect(executor.takeUp("s1", NOBODY, VIEW)).toEqual({ view: undefined, isLeaderThere: false });
    expect(names.size).toBe(3);
    closeSync(fd);
  });

  it("finds the view by what was kept, though the leader has gone: the rest is found by it", () => {
    const view = openSync("/proc/self/ns/mnt", constants.O_RDONLY);
    const { executor } = executorWith({ kept: [["s1-view", view]] });
    expect(executor.takeUp("s1", NOBODY, VIEW)).toEqual({
      isLeaderThere: false,
      view: { ...VIEW, path: `/proc/${process.pid}/fd/${view}` },
    });
    closeSync(view);
  });

  it("has systemd keep what it holds: a stop has emptied the store", () => {
    const { executor, told } = executorWith();
    executor.takeUp("s1", self(), VIEW);
    expect(told.sort()).toEqual(["FDSTORE=1 FDNAME=s1-pidfd", "FDSTORE=1 FDNAME=s1-view"]);
  });

  it("watches the leader that is there, and tells of its end", () => {
    const { executor, watches, exited } = executorWith();
    expect(executor.takeUp("s1", self(), VIEW)).toMatchObject({ isLeaderThere: true, view: { inode: VIEW.inode } });
    expect(executor.isAlive("s1")).toBe(true);
    for (const onExit of [...watches.values()]) onExit();
    expect(exited).toEqual(["s1"]);
  });
});

describe("dropping a view", () => {
  it("lets go of all that is held here, and at systemd when its end is on disk", async () => {
    const before = readdirSync("/proc/self/fd").length;
    const { executor, told, watches } = executorWith();
    executor.takeUp("s1", self(), VIEW);
    expect(readdirSync("/proc/self/fd").length).toBe(before + 2);
    told.length = 0;
    expect(await executor.dropView(subject, DROP)).toMatchObject({
      tmpfsBytes: 4096,
      swept: [{ kind: "mounts" }, { kind: "open-files", left: [] }],
    });
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    expect(told).toEqual([]);
    executor.release("s1");
    expect(told).toEqual(expect.arrayContaining(["FDSTOREREMOVE=1 FDNAME=s1-pidfd", "FDSTOREREMOVE=1 FDNAME=s1-view"]));
    expect(watches.size).toBe(0);
    expect(executor.isAlive("s1")).toBe(false);
  });

  it("may be done again, of what nobody holds any more", async () => {
    const { executor } = executorWith();
    for (let times = 0; times < 2; times++)
      expect(await executor.dropView(subject, { ...DROP, devices: [] })).toMatchObject({ tmpfsBytes: 0 });
  });

  it("looks who else holds it while its devices are nobody else's", async () => {
    const view = openSync("/proc/self/ns/mnt", constants.O_RDONLY);
    const { executor, asked } = executorWith({ kept: [["s1-view", view]] });
    executor.takeUp("s1", NOBODY, VIEW);
    const dropped = executor.dropView(subject, DROP);
    expect(isOpen(view)).toBe(true);
    await dropped;
    expect(asked).toEqual([[["0:51"], 60600, [VIEW.inode]]]);
    expect(isOpen(view)).toBe(false);
  });

  it("names no device of a view that is lost, and no uid that others share", async () => {
    const { executor, asked } = executorWith();
    await executor.dropView(subject, { ...DROP, isLost: true });
    await executor.dropView(subject, { ...DROP, leased: false });
    expect(asked).toEqual([
      [[], 60600, []],
      [["0:51"], -1, []],
    ]);
    const { swept } = await executor.dropView(subject, { ...DROP, leased: false, isLost: true });
    expect(swept.find(({ kind }) => kind === "open-files")?.left).toEqual(["could not be looked at: the view is gone"]);
  });

  it("goes on when systemd cannot be told, and says so; what it does not keep it need not let go of", () => {
    const { executor, faults } = executorWith({ refuses: () => true });
    executor.takeUp("s1", self(), VIEW);
    expect(faults).toHaveLength(1);
    executor.release("s1");
    expect(faults).toHaveLength(1);
    expect(executor.isAlive("s1")).toBe(false);
  });

  it("has systemd let go of each by itself, and of the others again later", () => {
    let isDeaf = true;
    const { executor, told, faults, fdStore } = executorWith({
      refuses: (state) => isDeaf && state === "FDSTOREREMOVE=1\nFDNAME=s1-pidfd",
    });
    executor.takeUp("s1", self(), VIEW);
    told.length = 0;
    executor.release("s1");
    expect(told).toEqual(["FDSTOREREMOVE=1 FDNAME=s1-view"]);
    expect(faults).toHaveLength(1);
    isDeaf = false;
    fdStore.retry();
    expect(told.slice(1)).toEqual(["FDSTOREREMOVE=1 FDNAME=s1-pidfd"]);
  });
});
