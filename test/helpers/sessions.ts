// Leaders, views and reapers for unit tests, on an addon that only records its calls.
import { constants, fstatSync, openSync, statSync } from "node:fs";
import type { Leader, View } from "../../src/policy/session.ts";
import type { Bindings } from "../../src/system/bindings.ts";
import { Cgroups } from "../../src/system/processes/cgroups.ts";
import type { SearchHolders } from "../../src/system/processes/holder-search.ts";
import { readStartTime } from "../../src/system/processes/identity.ts";
import { FdStore } from "../../src/system/sessions/fd-store.ts";
import { Holdings } from "../../src/system/sessions/holdings.ts";
import { Leaders } from "../../src/system/sessions/leaders.ts";
import { Reapers } from "../../src/system/sessions/reapers.ts";
import { takeUpSession } from "../../src/system/sessions/take-up.ts";
import type { ViewParts } from "../../src/system/sessions/views.ts";
import { Views } from "../../src/system/sessions/views.ts";

export const SUBJECT = { id: "s1", user: "guest-aaaa", uid: 60600, leader: process.pid, service: "login" };
export const NOBODY = { pid: 2 ** 30, startTime: 42 };
export const self = () => ({ pid: process.pid, startTime: readStartTime(process.pid) ?? 0 });
export const VIEW: View = {
  inode: statSync("/proc/self/ns/mnt").ino,
  path: "/proc/1/fd/9",
  devices: ["0:51"],
  skipped: [],
};
export const openNull = () => openSync("/dev/null", constants.O_RDONLY);
export const isOpen = (fd: number) => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

/** @param kept what systemd has stored */
export function sessionsWith({
  kept = [],
  dead = [],
  refuses = () => false,
  parts = {},
  bindings: more = {},
}: {
  kept?: readonly (readonly [string, number])[];
  dead?: readonly number[];
  refuses?: (state: string) => boolean;
  parts?: Partial<ViewParts>;
  bindings?: Partial<Bindings>;
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
    sendSignal: () => undefined,
    hasEnded: (fd) => dead.includes(fd),
    measureView: () => 4096,
    wipeView: () => Promise.resolve(0),
    emptyIpc: () => Promise.resolve(0),
    reap: () => true,
    ...more,
  };
  const search: SearchHolders = (criteria) => {
    asked.push([criteria.devices, criteria.uid, criteria.namespaces]);
    return Promise.resolve({ files: [], mounts: [], unread: [], unseen: [], whole: true });
  };
  const names = new Map(kept);
  // As systemd passes them, but with other numbers.
  const fdStore = new FdStore(
    (_, state) => {
      if (refuses(state)) throw Object.assign(new Error("EAGAIN"), { code: "EAGAIN" });
      told.push(state.split("\n").slice(0, 2).join(" "));
    },
    { NOTIFY_SOCKET: "/run/systemd/notify" },
  );
  fdStore.take = (name) => {
    const fd = names.get(name);
    names.delete(name);
    return fd;
  };
  const holdings = new Holdings(fdStore, (error) => faults.push(error));
  const onExit = (id: string) => {
    exited.push(id);
  };
  const cgroups = new Cgroups();
  const reapers = new Reapers({ bindings: bindings as Bindings, cgroups, onExit });
  const leaders = new Leaders({
    bindings: bindings as Bindings,
    holdings,
    nameExists: () => Promise.resolve(true),
    onExit,
  });
  const views = new Views({ bindings: bindings as Bindings, cgroups, holdings, reapers, search, ...parts });
  const takeUp = (leader: Leader, recorded: View | undefined) =>
    takeUpSession({ holdings, leaders, views }, SUBJECT.id, leader, recorded);
  return { takeUp, holdings, leaders, views, told, faults, exited, watches, asked, names, fdStore };
}
