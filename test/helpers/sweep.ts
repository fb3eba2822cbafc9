// A machine in a folder for tests of the sweep: paths, kernel tables, and an addon that works on them.
import {
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { getuid } from "node:process";
import { runsAs } from "../../src/system/processes/kill.ts";
import type { SearchMembers } from "../../src/system/processes/member-search.ts";
import type { SweepBindings } from "../../src/system/sweep/items.ts";

const isRoot = getuid?.() === 0;

/** Owns a test's files. Never root's. */
export const GUEST_UID = isRoot ? 60_600 : (getuid?.() ?? 60_600);
export const OWNER = { user: "guest-aaaa", uid: GUEST_UID } as const;

export const failure = (code: string): Error => Object.assign(new Error(`${code}: the test says so`), { code });

export class SweepWorld {
  readonly root = mkdtempSync(join(tmpdir(), "guestd-sweep-"));
  /** By path: without root, tests cannot change owners. */
  readonly #owners = new Map<string, number>();
  readonly #queues = this.directory("queues");

  at(path: string): string {
    return join(this.root, path);
  }

  has(path: string): boolean {
    return lstatSync(this.at(path), { throwIfNoEntry: false }) !== undefined;
  }

  directory(path: string, uid?: number): string {
    mkdirSync(this.at(path), { recursive: true });
    return this.#give(path, uid);
  }

  /** @param uid the owner; by default the test's own */
  file(path: string, uid?: number, text = ""): string {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
    return this.#give(path, uid);
  }

  drop(path: string): void {
    rmSync(this.at(path), { recursive: true });
  }

  link(path: string, target: string): string {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    symlinkSync(target, this.at(path));
    return this.at(path);
  }

  /** Has the columns that tests need, in the order of "shm". */
  ipc(kind: "shm" | "sem" | "msg", ...rows: readonly { id: number; uid: number; cuid: number }[]): void {
    const id = { shm: "shmid", sem: "semid", msg: "msqid" }[kind];
    const lines = rows.map(
      (row) => `         0 ${String(row.id).padStart(10)}   600 ${row.uid}   985 ${row.cuid}   985`,
    );
    this.file(
      `proc/sysvipc/${kind}`,
      undefined,
      [`       key      ${id} perms uid   gid cuid  cgid`, ...lines, ""].join("\n"),
    );
  }

  process(pid: number, uids: string, state = "S (sleeping)", threads = 1, comm = "sh"): void {
    this.file(`proc/${pid}/status`, undefined, `Name:\tsh\nState:\t${state}\nUid:\t${uids}\nThreads:\t${threads}\n`);
    this.file(`proc/${pid}/comm`, undefined, `${comm}\n`);
  }

  /** Finds processes as guest-holders would. */
  readonly search: SearchMembers = ({ uid = -1 }) => {
    const pids = readdirSync(this.at("proc")).filter((name) => /^\d+$/.test(name));
    const running = pids.filter((pid) => runsAs(this.at(`proc/${pid}`), uid)).map(Number);
    return Promise.resolve({ pids: running, unseen: [], whole: true });
  };

  /** Needs no privileges, and knows files only by owner. */
  readonly bindings: SweepBindings = {
    sweepFiles: (paths, uid, remove) => {
      const owned = paths
        .filter((path) => existsSync(path))
        .flatMap((path) => [...listTree(path), path])
        .filter((path) => this.#owners.get(path) === uid);
      for (const path of remove ? owned : []) {
        if (paths.includes(path)) this.#owners.set(path, 0);
        else rmSync(path, { recursive: true, force: true });
      }
      return Promise.resolve({
        found: owned.length,
        removed: remove ? owned.length : 0,
        left: remove ? [] : owned,
        unseen: [],
      });
    },
    removeIpc: (kind, id) => {
      const path = this.at(`proc/sysvipc/${kind}`);
      const lines = readFileSync(path, "utf8").split("\n");
      writeFileSync(path, lines.filter((line) => line.trim().split(/\s+/)[1] !== String(id)).join("\n"));
    },
    openQueues: () => {
      const fd = openSync(this.#queues, "r");
      rmSync(this.at(`proc/self/fd/${fd}`), { force: true });
      this.link(`proc/self/fd/${fd}`, this.#queues);
      return fd;
    },
    unmount: () => {
      throw failure("EINVAL");
    },
  };

  remove(): void {
    rmSync(this.root, { recursive: true });
  }

  #give(path: string, uid: number | undefined): string {
    if (uid !== undefined) this.#owners.set(this.at(path), uid);
    if (uid !== undefined && isRoot) chownSync(this.at(path), uid, 0);
    return this.at(path);
  }
}

/** Closes an open descriptor. */
export function isClosed(fd: number): boolean {
  try {
    closeSync(fd);
    return false;
  } catch {
    return true;
  }
}

const listTree = (top: string): string[] =>
  readdirSync(top, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [...listTree(join(top, entry.name)), join(top, entry.name)] : [join(top, entry.name)],
  );
