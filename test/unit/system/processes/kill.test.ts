import {
  constants,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cgroups } from "../../../../src/system/processes/cgroups.ts";
import type { MemberCriteria, Members } from "../../../../src/system/processes/member-search.ts";
import type { Membership, ProcessTable } from "../../../../src/system/processes/kill.ts";
import { belongs, killProcesses, listProcesses } from "../../../../src/system/processes/kill.ts";
import { makeSlowFile } from "../../../helpers/slow-file.ts";

let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "guestd-proc-"));
});
afterEach(() => {
  rmSync(proc, { recursive: true });
});

const HOST = "36 35 8:1 / / rw - ext4 /dev/root rw\n";

const ROOT = "0\t0\t0\t0";

/** A process of root's. Returns the inode of its ns/mnt file, which stands for the namespace. */
function addProcess(pid: number | string, mounts = HOST): number {
  mkdirSync(join(proc, `${pid}/ns`), { recursive: true });
  for (const [name, text] of Object.entries({ "ns/mnt": "", mountinfo: mounts }))
    writeFileSync(join(proc, `${pid}/${name}`), text);
  setStatus(pid, ROOT);
  return statSync(join(proc, `${pid}/ns/mnt`)).ino;
}

/** The user's fields of /proc/PID/status. */
function setStatus(pid: number | string, uids: string, state = "S (sleeping)", threads = 1): void {
  writeFileSync(
    join(proc, `${pid}/status`),
    `Name:\tsh\nUmask:\t0022\nState:\t${state}\nPid:\t${pid}\nUid:\t${uids}\nGid:\t7\t7\t7\t7\nThreads:\t${threads}\n`,
  );
}

/** A process whose first thread has ended, and with it the namespace. Returns another thread's directory. */
function addHeadless(pid: number, threads: number): string {
  mkdirSync(join(proc, `${pid}/task/${pid}`), { recursive: true });
  setStatus(pid, ROOT, "Z (zombie)", threads);
  return `${pid}/task/${pid + 2}`;
}

const IN_HOME = `${HOST}50 36 0:51 / /home/guest rw - tmpfs tmpfs rw\n`;
const NO_CGROUPS = { isPopulated: () => false, list: () => [], contains: () => false } as unknown as Cgroups;

const findMembers = (membership: Membership): number[] =>
  readdirSync(proc)
    .map(Number)
    .filter((pid) => pid !== process.pid && belongs({ proc, cgroups: NO_CGROUPS }, pid, membership));
/** Answers as guest-holders does. */
const search = (criteria: MemberCriteria): Promise<Members> =>
  Promise.resolve({ pids: findMembers({ cgroups: [], ...criteria }), unseen: [], whole: true });

const inView = (namespace: number, devices: string[] = []): Membership => ({
  cgroups: [],
  view: { namespace, devices },
});

describe("belongs", () => {
  it("finds nothing when the view is not held", () => {
    addProcess(10);
    expect(findMembers({ cgroups: [], view: undefined })).toEqual([]);
  });

  it("finds processes in the view, and no others", () => {
    const namespace = addProcess(10);
    addProcess(11);
    expect(findMembers(inView(namespace))).toEqual([10]);
  });

  it("finds processes that took the home into a namespace of their own", () => {
    addProcess(10, IN_HOME);
    addProcess(11, IN_HOME.replace("0:51", "0:5"));
    expect(findMembers(inView(1, ["0:51"]))).toEqual([10]);
  });

  it("never finds processes in guestd's own namespace, whatever is mounted there", () => {
    addProcess(process.pid, IN_HOME);
    mkdirSync(join(proc, "10"));
    symlinkSync(join(proc, `${process.pid}/ns`), join(proc, "10/ns"));
    writeFileSync(join(proc, "10/mountinfo"), IN_HOME);
    setStatus(10, ROOT);
    expect(findMembers(inView(1, ["0:51"]))).toEqual([]);
  });

  it("finds a process whose first thread has ended", () => {
    const namespace = addProcess(addHeadless(10, 2));
    expect(findMembers(inView(namespace))).toEqual([10]);
  });

  it("skips a zombie, which has no namespace", () => {
    addHeadless(10, 1);
    expect(findMembers(inView(1))).toEqual([]);
  });

  it.each(["1060\t1060\t1060\t1060", "1000\t1000\t1000\t1000", ""])(
    "looks at no namespace of a process that is not root's and may hang: %j",
    (uids) => {
      const namespace = addProcess(10, IN_HOME);
      setStatus(10, uids);
      const other = addProcess(addHeadless(20, 2), IN_HOME);
      setStatus(20, uids, "Z (zombie)", 2);
      for (const inode of [namespace, other, 1]) expect(findMembers(inView(inode, ["0:51"]))).toEqual([]);
      // Reading its namespace would fail.
      rmSync(join(proc, "10/mountinfo"));
      mkdirSync(join(proc, "10/mountinfo"));
      expect(findMembers(inView(1, ["0:51"]))).toEqual([]);
      setStatus(10, ROOT);
      expect(() => findMembers(inView(1, ["0:51"]))).toThrow(/EISDIR/);
    },
  );

  it("looks at no namespace of a process whose user is unknown", () => {
    const namespace = addProcess(10, IN_HOME);
    rmSync(join(proc, "10/status"));
    expect(findMembers(inView(namespace, ["0:51"]))).toEqual([]);
  });

  it.each(["1060\t0\t1060\t1060", "0\t1060\t1060\t1060", "1060\t1060\t0\t1060", "1060\t1060\t1060\t0"])(
    "finds a process that can become root again: %j",
    (uids) => {
      const namespace = addProcess(10);
      setStatus(10, uids);
      expect(findMembers(inView(namespace))).toEqual([10]);
    },
  );

  it("skips a process whose mounts cannot be read in time, and looks at the others", () => {
    addProcess(10);
    rmSync(join(proc, "10/mountinfo"));
    const stop = makeSlowFile(join(proc, "10/mountinfo"));
    try {
      addProcess(11, IN_HOME);
      expect(findMembers(inView(1, ["0:51"]))).toEqual([11]);
    } finally {
      stop();
    }
  });
});

describe("belongs by uid", () => {
  const UID = 1060;
  const asUser: Membership = { cgroups: [], view: undefined, uid: UID };
  const find = (pid: number, uids: string, state = "S (sleeping)") => {
    addProcess(pid);
    setStatus(pid, uids, state);
    return findMembers(asUser);
  };

  it.each([
    "1000\t1000\t1000\t1000",
    "10600\t10600\t10600\t10600",
    "106\t106\t106\t106",
    "0\t0\t0\t0",
    "11060\t21060\t31060\t41060",
    "",
  ])("finds no process of others: %j", (uids) => {
    expect(find(10, uids)).toEqual([]);
  });

  it("ignores groups, and names that look like a UID", () => {
    addProcess(10);
    writeFileSync(
      join(proc, "10/status"),
      "Name:\tUid:\t1060\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nGid:\t1060\t1060\t1060\t1060\n",
    );
    expect(findMembers(asUser)).toEqual([]);
  });

  it.each(["Z (zombie)", "X (dead)"])("skips a process that cannot be killed: %s", (state) => {
    expect(find(10, "1060\t1060\t1060\t1060", state)).toEqual([]);
  });

  it("skips a process that has just ended", () => {
    addProcess(11);
    rmSync(join(proc, "11/status"));
    expect(findMembers(asUser)).toEqual([]);
  });

  it.each(["1060\t0\t0\t0", "0\t1060\t0\t0", "0\t0\t1060\t0", "0\t0\t0\t1060"])(
    "finds a process by any of its four UIDs: %j",
    (uids) => {
      expect(find(10, uids)).toEqual([10]);
    },
  );

  it("finds processes in the view, too, whatever user they run as", () => {
    const namespace = addProcess(10);
    setStatus(10, "0\t0\t0\t0");
    addProcess(11);
    setStatus(11, "1060\t1060\t1060\t1060");
    expect(findMembers({ ...inView(namespace), uid: UID })).toEqual([10, 11]);
  });
});

describe("killProcesses checks again with the pidfd open, and", () => {
  const uids = (uid: number) => Array(4).fill(uid).join("\t");

  /** @param onOpen runs when a pidfd is opened */
  async function kill(onOpen: (pid: number) => void, membership: Membership) {
    const killed: number[] = [];
    const opened: number[] = [];
    let current = 0;
    const bindings = {
      openPidfd: (pid: number) => {
        onOpen(pid);
        current = pid;
        const fd = openSync("/dev/null", constants.O_RDONLY);
        opened.push(fd);
        return fd;
      },
      sendSignal: () => {
        killed.push(current);
        rmSync(join(proc, String(current)), { recursive: true });
      },
    };
    const result = await killProcesses({ proc, cgroups: NO_CGROUPS, bindings, search }, membership, 1_000);
    for (const fd of opened) expect(() => fstatSync(fd)).toThrow(/EBADF/);
    return { left: result.left, killed };
  }

  it("kills no process that has reused the PID", async () => {
    addProcess(10);
    setStatus(10, uids(1060));
    const { killed, left } = await kill(
      (pid) => {
        setStatus(pid, uids(1000));
      },
      { cgroups: [], view: undefined, uid: 1060 },
    );
    expect({ killed, left }).toEqual({ killed: [], left: [] });
  });

  it("kills no process that has left the view or become a zombie", async () => {
    const namespace = addProcess(10);
    addProcess(11);
    setStatus(11, uids(1060));
    const { killed } = await kill(
      (pid) => {
        if (pid === 10) rmSync(join(proc, "10"), { recursive: true });
        else setStatus(pid, uids(1060), "Z (zombie)");
      },
      { ...inView(namespace), uid: 1060 },
    );
    expect(killed).toEqual([]);
  });

  it("looks at no namespace of a process that is no longer root's", async () => {
    const namespace = addProcess(10);
    const { killed, left } = await kill((pid) => {
      setStatus(pid, uids(1000));
    }, inView(namespace));
    expect({ killed, left }).toEqual({ killed: [], left: [] });
  });

  it("kills processes that still belong to the session, by UID or view", async () => {
    const namespace = addProcess(10);
    addProcess(11);
    setStatus(11, uids(1060));
    addProcess(12);
    setStatus(12, uids(1000));
    const { killed, left } = await kill(() => undefined, { ...inView(namespace), uid: 1060 });
    expect({ killed, left }).toEqual({ killed: [10, 11], left: [] });
  });
});

describe("killProcesses", () => {
  const cgroup = { path: "/a.scope", inode: "1" };
  const gone = () => {
    throw Object.assign(new Error("ESRCH"), { code: "ESRCH" });
  };

  /** The cgroup holds `pids` until it was killed `endures` times. */
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
    return {
      proc,
      cgroups: cgroups as unknown as Cgroups,
      bindings: { openPidfd: gone, sendSignal: () => undefined },
      search,
    };
  }

  it("kills a cgroup until the kernel reports it empty", async () => {
    expect(await killProcesses(tableWith([7, 8], 2), { cgroups: [cgroup], view: undefined }, 5_000)).toEqual({
      killed: 2,
      left: [],
    });
  });

  it("counts processes that were already ending, each once", async () => {
    const membership = { cgroups: [cgroup], view: undefined, reaper: { pid: 8, pidfd: 0 } };
    expect(await killProcesses(tableWith([7, 8], 2), membership, 5_000, [5, 6, 7])).toEqual({ killed: 3, left: [] });
  });

  it("kills a cgroup whose processes are invisible", async () => {
    expect(await killProcesses(tableWith([], 1), { cgroups: [cgroup], view: undefined }, 5_000)).toEqual({
      killed: 0,
      left: [],
    });
  });

  it("names processes that do not end in time", async () => {
    const namespace = addProcess(10);
    expect(await killProcesses(tableWith([], -1), inView(namespace), 20)).toEqual({
      killed: 0,
      left: ["process 10 does not end"],
    });
  });

  it("does not accept a cgroup that looks empty but has processes", async () => {
    expect(await killProcesses(tableWith([], 1e9), { cgroups: [cgroup], view: undefined }, 20)).toEqual({
      killed: 0,
      left: ["/a.scope is never empty"],
    });
  });

  it("kills once more before it gives up, however late", async () => {
    const namespace = addProcess(10);
    let kills = 0;
    const bindings = { openPidfd: () => openSync("/dev/null", constants.O_RDONLY), sendSignal: () => kills++ };
    await killProcesses({ ...tableWith([], -1), bindings }, inView(namespace), -1);
    expect(kills).toBe(2);
    const cgroups = { isPopulated: () => true, list: () => [], kill: () => kills++ } as unknown as Cgroups;
    await killProcesses({ ...tableWith([], -1), cgroups }, { cgroups: [cgroup], view: undefined }, -1);
    expect(kills).toBe(4);
  });

  it("kills the members one by one where the cgroup refuses", async () => {
    let isThere = true;
    const refuse = () => {
      throw Object.assign(new Error("EOPNOTSUPP"), { code: "EOPNOTSUPP" });
    };
    const cgroups = {
      isPopulated: () => isThere,
      list: () => [10],
      contains: () => true,
      kill: refuse,
    } as unknown as Cgroups;
    const bindings = {
      openPidfd: () => openSync("/dev/null", constants.O_RDONLY),
      sendSignal: () => (isThere = false),
    };
    expect(
      await killProcesses({ proc, cgroups, bindings, search }, { cgroups: [cgroup], view: undefined }, 1_000),
    ).toEqual({
      killed: 1,
      left: [],
    });
  });

  it("kills the members one by one only where killing the cgroup was not enough, as there may be thousands", async () => {
    const opened: number[] = [];
    const openPidfd = (pid: number) => {
      opened.push(pid);
      return gone();
    };
    const table = (endures: number) => ({
      ...tableWith([7, 8], endures),
      bindings: { openPidfd, sendSignal: () => undefined },
    });
    await killProcesses(table(0), { cgroups: [cgroup], view: undefined }, 5_000);
    expect(opened).toEqual([]);
    await killProcesses(table(1), { cgroups: [cgroup], view: undefined }, 5_000);
    expect(opened).toEqual([7, 8]);
  });

  it("yields before each look", async () => {
    const turns: unknown[] = [];
    const inTurn = <T>(work: () => T) => {
      turns.push(work);
      return Promise.resolve(work());
    };
    await killProcesses({ ...tableWith([7], 0), inTurn }, { cgroups: [cgroup], view: undefined }, 5_000);
    expect(turns).toHaveLength(4);
  });

  it("waits the full time after a kill, however late its turn came", async () => {
    // It ends some time after the kill.
    let looks = 0;
    const cgroups = { isPopulated: () => looks++ < 5, list: () => [7], kill: () => undefined } as unknown as Cgroups;
    const limitMs = 200;
    let turns = 0;
    const inTurn = async <T>(work: () => T) => {
      if (turns++ < 2) await new Promise((resolve) => setTimeout(resolve, limitMs));
      return work();
    };
    const membership = { cgroups: [cgroup], view: undefined };
    expect(await killProcesses({ ...tableWith([], 0), cgroups, inTurn }, membership, limitMs)).toEqual({
      killed: 1,
      left: [],
    });
  });

  it.each<[string, () => Promise<Members>, string]>([
    [
      "some processes could not be looked at",
      () => Promise.resolve({ pids: [], unseen: [9], whole: true }),
      "process 9 could not be looked at",
    ],
    [
      "the time was not enough",
      () => Promise.resolve({ pids: [], unseen: [], whole: false }),
      "not all processes could be looked at in time",
    ],
    ["nobody could look", () => Promise.reject(new Error("EAGAIN")), "could not be looked at: EAGAIN"],
  ])("does not report success where %s", async (_, look, sentence) => {
    expect(await killProcesses({ ...tableWith([], -1), search: look }, inView(1), 20)).toEqual({
      killed: 0,
      left: [sentence],
    });
  });

  it("looks again where a look failed", async () => {
    let looks = 0;
    const look = () => (++looks < 3 ? Promise.reject(new Error("EAGAIN")) : search(inView(1)));
    expect(await killProcesses({ ...tableWith([], -1), search: look }, inView(1), 5_000)).toEqual({
      killed: 0,
      left: [],
    });
    expect(looks).toBe(3);
  });

  it("does nothing for a session without processes", async () => {
    expect(await killProcesses(tableWith([], -1), { cgroups: [cgroup], view: undefined }, 0)).toEqual({
      killed: 0,
      left: [],
    });
  });
});

describe("listProcesses", () => {
  it("names each process of all cgroups once, without the reaper", () => {
    const members: Record<string, number[]> = { "/a.scope": [7, 8], "/b.slice": [8, 9, 10] };
    const cgroups = { list: ({ path }: { path: string }) => members[path] ?? [] };
    const membership = {
      cgroups: Object.keys(members).map((path) => ({ path, inode: "1" })),
      view: undefined,
      reaper: { pid: 9, pidfd: 0 },
    };
    expect(listProcesses(cgroups, membership)).toEqual([7, 8, 10]);
  });
});
