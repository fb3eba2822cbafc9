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

/** A process of root's in a made-up /proc; the inode of its ns/mnt file stands for the namespace. Returns that inode. */
function addProcess(pid: number | string, mounts = HOST): number {
  mkdirSync(join(proc, `${pid}/ns`), { recursive: true });
  for (const [name, text] of Object.entries({ "ns/mnt": "", mountinfo: mounts }))
    writeFileSync(join(proc, `${pid}/${name}`), text);
  setStatus(pid, ROOT);
  return statSync(join(proc, `${pid}/ns/mnt`)).ino;
}

/** What /proc says of whom a process runs as. */
function setStatus(pid: number | string, uids: string, state = "S (sleeping)", threads = 1): void {
  writeFileSync(
    join(proc, `${pid}/status`),
    `Name:\tsh\nUmask:\t0022\nState:\t${state}\nPid:\t${pid}\nUid:\t${uids}\nGid:\t7\t7\t7\t7\nThreads:\t${threads}\n`,
  );
}

/** A process whose first thread has ended, and so has no namespace; the directory of another one is returned. */
function addHeadless(pid: number, threads: number): string {
  mkdirSync(join(proc, `${pid}/task/${pid}`), { recursive: true });
  setStatus(pid, ROOT, "Z (zombie)", threads);
  return `${pid}/task/${pid + 2}`;
}

const IN_HOME = `${HOST}50 36 0:51 / /home/guest rw - tmpfs tmpfs rw\n`;
const NO_CGROUPS = { isPopulated: () => false, list: () => [], contains: () => false } as unknown as Cgroups;

/** The processes of a made-up /proc that belong to a session. */
const findMembers = (membership: Membership): number[] =>
  readdirSync(proc)
    .map(Number)
    .filter((pid) => pid !== process.pid && belongs({ proc, cgroups: NO_CGROUPS }, pid, membership));
/** As guest-holders would find them. */
const search = (criteria: MemberCriteria): Promise<Members> =>
  Promise.resolve({ pids: findMembers({ cgroups: [], ...criteria }), unseen: [], whole: true });

const inView = (namespace: number, devices: string[] = []): Membership => ({
  cgroups: [],
  view: { namespace, devices },
});

describe("belongs", () => {
  it("finds nobody when the view is not held", () => {
    addProcess(10);
    expect(findMembers({ cgroups: [], view: undefined })).toEqual([]);
  });

  it("finds those in the view, and no others", () => {
    const namespace = addProcess(10);
    addProcess(11);
    expect(findMembers(inView(namespace))).toEqual([10]);
  });

  it("finds those that took the home along into a namespace of their own", () => {
    addProcess(10, IN_HOME);
    addProcess(11, IN_HOME.replace("0:51", "0:5"));
    expect(findMembers(inView(1, ["0:51"]))).toEqual([10]);
  });

  it("never finds what is in guestd's own namespace, whatever is mounted there", () => {
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

  it("passes over a zombie, which has no namespace any more", () => {
    addHeadless(10, 1);
    expect(findMembers(inView(1))).toEqual([]);
  });

  it.each(["1060\t1060\t1060\t1060", "1000\t1000\t1000\t1000", ""])(
    "looks at no namespace of a process that is not root's, which may hang: %j",
    (uids) => {
      const namespace = addProcess(10, IN_HOME);
      setStatus(10, uids);
      const other = addProcess(addHeadless(20, 2), IN_HOME);
      setStatus(20, uids, "Z (zombie)", 2);
      for (const inode of [namespace, other, 1]) expect(findMembers(inView(inode, ["0:51"]))).toEqual([]);
      // Who came to look at its namespace would read what is mounted there, and fail.
      rmSync(join(proc, "10/mountinfo"));
      mkdirSync(join(proc, "10/mountinfo"));
      expect(findMembers(inView(1, ["0:51"]))).toEqual([]);
      setStatus(10, ROOT);
      expect(() => findMembers(inView(1, ["0:51"]))).toThrow(/EISDIR/);
    },
  );

  it("looks at no namespace of one of whom nobody can tell as whom it runs", () => {
    const namespace = addProcess(10, IN_HOME);
    rmSync(join(proc, "10/status"));
    expect(findMembers(inView(namespace, ["0:51"]))).toEqual([]);
  });

  it.each(["1060\t0\t1060\t1060", "0\t1060\t1060\t1060", "1060\t1060\t0\t1060", "1060\t1060\t1060\t0"])(
    "finds one that can be root again: %j",
    (uids) => {
      const namespace = addProcess(10);
      setStatus(10, uids);
      expect(findMembers(inView(namespace))).toEqual([10]);
    },
  );

  it("takes one whose mounts cannot be read in time for nobody's, and looks at the others", () => {
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
  ])("finds nobody else: %j", (uids) => {
    expect(find(10, uids)).toEqual([]);
  });

  it("does not look at the groups, nor at a name that looks like a uid", () => {
    addProcess(10);
    writeFileSync(
      join(proc, "10/status"),
      "Name:\tUid:\t1060\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nGid:\t1060\t1060\t1060\t1060\n",
    );
    expect(findMembers(asUser)).toEqual([]);
  });

  it.each(["Z (zombie)", "X (dead)"])("passes over one that cannot be killed: %s", (state) => {
    expect(find(10, "1060\t1060\t1060\t1060", state)).toEqual([]);
  });

  it("passes over one that has just ended", () => {
    addProcess(11);
    rmSync(join(proc, "11/status"));
    expect(findMembers(asUser)).toEqual([]);
  });

  it.each(["1060\t0\t0\t0", "0\t1060\t0\t0", "0\t0\t1060\t0", "0\t0\t0\t1060"])(
    "finds one by any of its four: %j",
    (uids) => {
      expect(find(10, uids)).toEqual([10]);
    },
  );

  it("finds those in the view as well, whoever they run as", () => {
    const namespace = addProcess(10);
    setStatus(10, "0\t0\t0\t0");
    addProcess(11);
    setStatus(11, "1060\t1060\t1060\t1060");
    expect(findMembers({ ...inView(namespace), uid: UID })).toEqual([10, 11]);
  });
});

describe("killProcesses looks again with the pidfd in hand, and", () => {
  const uids = (uid: number) => Array(4).fill(uid).join("\t");

  /** What is done to processes 10 and on when a pidfd of one is opened, and when it is killed. */
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

  it("kills nobody who has the pid by now", async () => {
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

  it("kills nobody who has left the view, or has become a zombie", async () => {
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

  it("looks at no namespace of one who is not root's any more", async () => {
    const namespace = addProcess(10);
    const { killed, left } = await kill((pid) => {
      setStatus(pid, uids(1000));
    }, inView(namespace));
    expect({ killed, left }).toEqual({ killed: [], left: [] });
  });

  it("kills those who still belong to it, by their uid or by their view", async () => {
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
    return {
      proc,
      cgroups: cgroups as unknown as Cgroups,
      bindings: { openPidfd: gone, sendSignal: () => undefined },
      search,
    };
  }

  it("kills a cgroup until the kernel says that nobody is in it", async () => {
    expect(await killProcesses(tableWith([7, 8], 2), { cgroups: [cgroup], view: undefined }, 5_000)).toEqual({
      killed: 2,
      left: [],
    });
  });

  it("counts those that another has ended before, and each once", async () => {
    const membership = { cgroups: [cgroup], view: undefined, reaper: { pid: 8, pidfd: 0 } };
    expect(await killProcesses(tableWith([7, 8], 2), membership, 5_000, [5, 6, 7])).toEqual({ killed: 3, left: [] });
  });

  it("kills a cgroup in which no process can be seen", async () => {
    expect(await killProcesses(tableWith([], 1), { cgroups: [cgroup], view: undefined }, 5_000)).toEqual({
      killed: 0,
      left: [],
    });
  });

  it("names those that do not end in time", async () => {
    const namespace = addProcess(10);
    expect(await killProcesses(tableWith([], -1), inView(namespace), 20)).toEqual({
      killed: 0,
      left: ["process 10 does not end"],
    });
  });

  it("is not content with a cgroup in which nobody can be seen, but somebody is", async () => {
    expect(await killProcesses(tableWith([], 1e9), { cgroups: [cgroup], view: undefined }, 20)).toEqual({
      killed: 0,
      left: ["/a.scope is never empty"],
    });
  });

  it("kills once more before it gives up, however late it is", async () => {
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

  it("kills them one by one only where killing the cgroup was not enough: there may be thousands", async () => {
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

  it("does each look in its turn", async () => {
    const turns: unknown[] = [];
    const inTurn = <T>(work: () => T) => {
      turns.push(work);
      return Promise.resolve(work());
    };
    await killProcesses({ ...tableWith([7], 0), inTurn }, { cgroups: [cgroup], view: undefined }, 5_000);
    expect(turns).toHaveLength(4);
  });

  it("gives what it has killed all of the time to end, however late its turn came", async () => {
    // It ends a while after it was killed.
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
  ])("does not say that none is left where %s", async (_, look, sentence) => {
    expect(await killProcesses({ ...tableWith([], -1), search: look }, inView(1), 20)).toEqual({
      killed: 0,
      left: [sentence],
    });
  });

  it("looks again where it could not look", async () => {
    let looks = 0;
    const look = () => (++looks < 3 ? Promise.reject(new Error("EAGAIN")) : search(inView(1)));
    expect(await killProcesses({ ...tableWith([], -1), search: look }, inView(1), 5_000)).toEqual({
      killed: 0,
      left: [],
    });
    expect(looks).toBe(3);
  });

  it("has nothing to do for a session without processes", async () => {
    expect(await killProcesses(tableWith([], -1), { cgroups: [cgroup], view: undefined }, 0)).toEqual({
      killed: 0,
      left: [],
    });
  });
});

describe("listProcesses", () => {
  it("names each process of all cgroups once, and not the reaper", () => {
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
