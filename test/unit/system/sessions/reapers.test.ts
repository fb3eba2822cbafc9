import { closeSync, constants, fstatSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bindings } from "../../../../src/system/bindings.ts";
import { Cgroups } from "../../../../src/system/processes/cgroups.ts";
import { Reapers } from "../../../../src/system/sessions/reapers.ts";

const ID = "abcdefgh23";
const openNull = () => openSync("/dev/null", constants.O_RDONLY);

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-reapers-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

/** @param running the reaper does not end at once */
function reapersWith({ running = false }: { running?: boolean } = {}) {
  const opened: number[] = [];
  const pids = new Map<number, number>();
  const killed: (number | undefined)[] = [];
  const exited: string[] = [];
  const watches: (() => void)[] = [];
  const reaped: number[] = [];
  const bindings: Pick<Bindings, "openPidfd" | "watchPidfd" | "sendSignal" | "reap"> = {
    openPidfd: (pid) => {
      opened.push(pid);
      const fd = openNull();
      pids.set(fd, pid);
      return fd;
    },
    sendSignal: (fd, signal) => {
      expect(signal).toBe(9);
      killed.push(pids.get(fd) ?? fd);
    },
    watchPidfd: (_, onExit) => {
      watches.push(onExit);
      return { stop: () => undefined };
    },
    reap: (fd) => {
      reaped.push(fd);
      return !running;
    },
  };
  const cgroups = new Cgroups([root], join(root, "proc"));
  const onExit = (id: string) => {
    exited.push(id);
  };
  const reapers = new Reapers({ bindings, cgroups, onExit, proc: join(root, "proc") });
  return { reapers, opened, killed, exited, watches, reaped };
}

function addCgroup(path: string, ...pids: number[]): void {
  mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, path, "cgroup.events"), `populated ${pids.length > 0 ? 1 : 0}\n`);
  writeFileSync(join(root, path, "cgroup.procs"), pids.map((pid) => `${pid}\n`).join(""));
}

function addProcess(pid: number, name: string, uids: string): void {
  mkdirSync(join(root, `proc/${pid}`), { recursive: true });
  writeFileSync(join(root, `proc/${pid}/status`), `Name:\t${name}\nState:\tS (sleeping)\nUid:\t${uids}\nGid:\t0\n`);
}

describe("ending a reaper", () => {
  it("does nothing where none is held", async () => {
    const { reapers, killed, reaped } = reapersWith();
    await reapers.end({ view: 4 });
    expect([killed, reaped]).toEqual([[], []]);
  });

  it("kills it and reaps its zombie; its descriptor is closed with the others", async () => {
    const { reapers, killed, reaped, watches } = reapersWith();
    const held = { reaper: 1000 };
    await reapers.end(held);
    expect({ killed, reaped, held, watches }).toEqual({
      killed: [1000],
      reaped: [1000],
      held: { reaper: 1000 },
      watches: [],
    });
  });

  it("reaps one that does not end at once later, closes its descriptor then, and reports the end", async () => {
    const { reapers, reaped, watches } = reapersWith({ running: true });
    const fd = openNull();
    const held = { reaper: fd };
    const ending = reapers.end(held);
    expect(held).toEqual({});
    fstatSync(fd);
    watches[0]?.();
    await ending;
    expect(reaped).toEqual([fd, fd]);
    expect(() => fstatSync(fd)).toThrow("EBADF");
  });
});

describe("watching a reaper", () => {
  it("reports its end, and only where one is held", () => {
    const { reapers, exited, watches } = reapersWith();
    reapers.watch("s0", {});
    expect(watches).toEqual([]);
    const fd = openNull();
    reapers.watch("s1", { reaper: fd });
    watches[0]?.();
    expect(exited).toEqual(["s1"]);
    closeSync(fd);
  });
});

describe("killing orphaned reapers", () => {
  /** @returns the scopes named, the PIDs looked at, and those killed */
  function orphans(known: string[], reaperPids: number[]) {
    const { reapers, opened, killed } = reapersWith();
    for (const pid of reaperPids) addProcess(pid, "guest-reaper", "0\t0\t0\t0");
    const scopes = reapers.killOrphans(new Set(known));
    expect(killed).toEqual(opened.filter((pid) => reaperPids.includes(pid)));
    return { scopes, asked: opened };
  }

  it.each([
    ["bash", "0\t0\t0\t0"],
    ["guest-reaper", "60600\t60600\t60600\t60600"],
    ["guest-reaper", "60600\t0\t0\t0"],
    ["guest-reaper2", "0\t0\t0\t0"],
    ["Name:\\tguest-reaper", "0\t0\t0\t0"],
  ])("kills no %s with UIDs %s", (name, uids) => {
    addCgroup("/user.slice");
    addCgroup(`/user.slice/guest-${ID}.scope`, 7);
    addProcess(7, name, uids);
    const { reapers, opened, killed } = reapersWith();
    expect(reapers.killOrphans(new Set())).toEqual([]);
    expect({ opened, killed }).toEqual({ opened: [7], killed: [] });
  });

  it("does nothing where there is no slice of users", () => {
    expect(orphans([], [])).toEqual({ scopes: [], asked: [] });
  });

  it.each([
    "guest-my-vm.scope",
    "guest-windows.scope",
    "guest-x.slice",
    "user-1000.slice",
    "guest-abcdefgh2.scope",
    "guest-abcdefgh234.scope",
    "guest-abcdefgh20.scope",
    "guest-ABCDEFGH23.scope",
    "guest-abcdefgh23.slice",
    "guest-abcdefgh23.service",
    "guest-abcdefgh23.scope.d",
    "my-guest-abcdefgh23.scope",
    "guest-.scope",
  ])("does not look in %s, which is none of guestd's", (name) => {
    addCgroup("/user.slice");
    addCgroup(`/user.slice/${name}`, 7, 8);
    expect(orphans([], [7, 8])).toEqual({ scopes: [], asked: [] });
  });

  it("does not look in a scope of that name elsewhere", () => {
    for (const slice of ["/system.slice", "/user.slice/user-60600.slice", "/user.slice/user-1000.slice"])
      addCgroup(`${slice}/guest-${ID}.scope`, 7);
    addCgroup("/user.slice");
    addCgroup("/user.slice/user-1000.slice");
    expect(orphans([], [7])).toEqual({ scopes: [], asked: [] });
  });

  it("does not look in the scope of a known session", () => {
    addCgroup("/user.slice");
    addCgroup(`/user.slice/guest-${ID}.scope`, 7);
    expect(orphans([ID], [7])).toEqual({ scopes: [], asked: [] });
  });

  it("kills only the reapers of an unknown session, at any depth", () => {
    addCgroup("/user.slice");
    addCgroup(`/user.slice/guest-${ID}.scope`, 7, 8);
    addCgroup(`/user.slice/guest-${ID}.scope/deeper`, 9);
    addCgroup("/user.slice/guest-zzzzzzzzzz.scope", 10);
    addCgroup("/user.slice/guest-my-vm.scope", 11);
    const { scopes, asked } = orphans(["zzzzzzzzzz"], [8, 10, 11]);
    expect({ scopes, asked }).toEqual({ scopes: [`guest-${ID}.scope`], asked: [7, 8, 9] });
  });

  it("reports nothing for a scope with only a leader", () => {
    addCgroup("/user.slice");
    addCgroup(`/user.slice/guest-${ID}.scope`, 7);
    expect(orphans([], [])).toEqual({ scopes: [], asked: [7] });
  });
});
