import { constants, openSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BuiltView } from "../../../../src/system/bindings.ts";
import { isOpen, NOBODY, openNull, self, sessionsWith, SUBJECT, VIEW } from "../../../helpers/sessions.ts";

describe("building a view", () => {
  const built = (): BuiltView => ({ fd: openNull(), inode: 7, tmpfs: [], skipped: [], dropped: [] });

  it("fails when the leader is not watched", async () => {
    await expect(sessionsWith().views.build(SUBJECT.id, [], false, undefined)).rejects.toThrow(
      "the leader is not watched",
    );
  });

  it("holds the result, and stores it in systemd", async () => {
    const { takeUp, views, holdings, told } = sessionsWith({ bindings: { buildView: () => Promise.resolve(built()) } });
    takeUp(self(), undefined);
    expect(await views.build(SUBJECT.id, [], false, undefined)).toMatchObject({ view: { inode: 7 } });
    expect(told).toEqual(["FDSTORE=1 FDNAME=s1-pidfd", "FDSTORE=1 FDNAME=s1-view"]);
    expect(isOpen(holdings.find("s1")?.view ?? -1)).toBe(true);
    views.letGo("s1");
  });

  it("that comes too late is refused, and closed when it is ready", async () => {
    let come: (view: BuiltView) => void = () => undefined;
    const building = new Promise<BuiltView>((resolve) => (come = resolve));
    const { takeUp, views, holdings } = sessionsWith({
      bindings: { buildView: () => building },
      parts: { buildLimitMs: 1 },
    });
    takeUp(self(), undefined);
    await expect(views.build(SUBJECT.id, [], false, undefined)).rejects.toThrow("the view was not ready after 1 ms");
    const late = built();
    come(late);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOpen(late.fd)).toBe(false);
    expect(holdings.find("s1")?.view).toBeUndefined();
    views.letGo("s1");
  });

  it("that has no cgroup to go into is undone, and fails when its reaper has ended", async () => {
    const reaper = openNull();
    const isolation = {
      ...{ pid: process.pid, pidfd: reaper },
      ...{ ipc: { fd: openNull(), inode: 8 }, processes: { fd: openNull(), inode: 9 } },
    };
    const shared = { ...built(), isolation };
    const { takeUp, views, holdings, watches, told } = sessionsWith({
      bindings: { buildView: () => Promise.resolve(shared), reap: () => false },
      parts: { reaperProgram: "/dev/null" },
    });
    takeUp(self(), undefined);
    let failure: unknown;
    const building = views
      .build(SUBJECT.id, [], true, { path: "/nowhere", inode: "1" })
      .catch((error: unknown) => (failure = error));
    await expect.poll(() => watches.has(reaper)).toBe(true);
    expect(failure).toBeUndefined();
    watches.get(reaper)?.();
    await building;
    expect(failure).toMatchObject({ message: "the cgroup /nowhere has gone" });
    for (const fd of [shared.fd, reaper, isolation.ipc.fd, isolation.processes.fd]) expect(isOpen(fd)).toBe(false);
    expect(Object.keys(holdings.find("s1") ?? {}).sort()).toEqual(["pidfd", "watch"]);
    expect(told).toEqual(["FDSTORE=1 FDNAME=s1-pidfd"]);
    views.letGo("s1");
  });

  it("that fails too late leaves nothing, and no unhandled rejection", async () => {
    let fail: (reason: Error) => void = () => undefined;
    const building = new Promise<BuiltView>((_, reject) => (fail = reject));
    const { takeUp, views } = sessionsWith({ bindings: { buildView: () => building }, parts: { buildLimitMs: 1 } });
    takeUp(self(), undefined);
    await expect(views.build(SUBJECT.id, [], false, undefined)).rejects.toThrow("not ready");
    fail(new Error("EIO"));
    await new Promise((resolve) => setImmediate(resolve));
    views.letGo("s1");
  });
});

const DROP = { leased: true, tmpfs: ["/tmp"], devices: ["0:51"], isLost: false };

describe("dropping a view", () => {
  it("closes what is held here and, once its end is on disk, in systemd", async () => {
    const before = readdirSync("/proc/self/fd").length;
    const { takeUp, leaders, views, told, watches } = sessionsWith();
    takeUp(self(), VIEW);
    expect(readdirSync("/proc/self/fd").length).toBe(before + 2);
    told.length = 0;
    expect(await views.drop(SUBJECT, DROP)).toMatchObject({
      tmpfsBytes: 4096,
      swept: [{ kind: "mounts" }, { kind: "open-files", left: [] }],
    });
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    expect(told).toEqual([]);
    views.letGo("s1");
    expect(told).toEqual(expect.arrayContaining(["FDSTOREREMOVE=1 FDNAME=s1-pidfd", "FDSTOREREMOVE=1 FDNAME=s1-view"]));
    expect(watches.size).toBe(0);
    expect(leaders.isAlive("s1")).toBe(false);
  });

  it("may be repeated for a view that is no longer held", async () => {
    const { views } = sessionsWith();
    for (let times = 0; times < 2; times++)
      expect(await views.drop(SUBJECT, { ...DROP, devices: [] })).toMatchObject({ tmpfsBytes: 0 });
  });

  it("looks for holders while its devices are not reused", async () => {
    const view = openSync("/proc/self/ns/mnt", constants.O_RDONLY);
    const { takeUp, views, asked } = sessionsWith({ kept: [["s1-view", view]] });
    takeUp(NOBODY, VIEW);
    const dropped = views.drop(SUBJECT, DROP);
    expect(isOpen(view)).toBe(true);
    await dropped;
    expect(asked).toEqual([[["0:51"], 60600, [VIEW.inode]]]);
    expect(isOpen(view)).toBe(false);
  });

  it("names no device of a lost view, and no shared UID", async () => {
    const { views, asked } = sessionsWith();
    await views.drop(SUBJECT, { ...DROP, isLost: true });
    await views.drop(SUBJECT, { ...DROP, leased: false });
    expect(asked).toEqual([
      [undefined, 60600, []],
      [["0:51"], undefined, []],
    ]);
    const { swept } = await views.drop(SUBJECT, { ...DROP, leased: false, isLost: true });
    expect(swept.find(({ kind }) => kind === "open-files")?.left).toEqual(["could not be looked at: the view is gone"]);
  });

  it("continues and reports when systemd cannot be notified; what is not stored needs no removal", () => {
    const { takeUp, leaders, views, faults } = sessionsWith({ refuses: () => true });
    takeUp(self(), VIEW);
    expect(faults).toHaveLength(1);
    views.letGo("s1");
    expect(faults).toHaveLength(1);
    expect(leaders.isAlive("s1")).toBe(false);
  });

  it("removes later from systemd what it was too busy to remove", () => {
    let isDeaf = true;
    const { takeUp, views, told, faults, fdStore } = sessionsWith({
      refuses: (state) => isDeaf && state === "FDSTOREREMOVE=1\nFDNAME=s1-pidfd",
    });
    takeUp(self(), VIEW);
    told.length = 0;
    views.letGo("s1");
    expect(told).toEqual([]);
    expect(faults).toEqual([]);
    isDeaf = false;
    fdStore.retry();
    expect(told).toEqual(["FDSTOREREMOVE=1 FDNAME=s1-pidfd", "FDSTOREREMOVE=1 FDNAME=s1-view"]);
  });
});
