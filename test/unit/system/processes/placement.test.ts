import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cgroup } from "../../../../src/policy/session.ts";
import { subjectOf } from "../../../../src/policy/subject.ts";
import { Cgroups } from "../../../../src/system/processes/cgroups.ts";
import { readStartTime } from "../../../../src/system/processes/identity.ts";
import type { PlacementParts } from "../../../../src/system/processes/placement.ts";
import { Placement } from "../../../../src/system/processes/placement.ts";
import { CGROUP, configOf, GUEST, LEASED, SLICE } from "../../../helpers/samples.ts";

const { Limits } = configOf();
const ID = "abcdefgh23";
const LEADER = 500;

let root: string;
let cgroups: Cgroups;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-placement-"));
  cgroups = new Cgroups([root], join(root, "proc"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function addCgroup(path: string, ...pids: number[]): Cgroup {
  mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, path, "cgroup.events"), `populated ${pids.length > 0 ? 1 : 0}\n`);
  for (const control of ["cgroup.max.depth", "cgroup.max.descendants"]) writeFileSync(join(root, path, control), "");
  writeFileSync(join(root, path, "cgroup.procs"), pids.map((pid) => `${pid}\n`).join(""));
  const cgroup = cgroups.find(path);
  if (cgroup === undefined) throw new Error("not found");
  return cgroup;
}

function moveTo(path: string, pid = LEADER): void {
  mkdirSync(join(root, `proc/${pid}`), { recursive: true });
  writeFileSync(join(root, `proc/${pid}/cgroup`), `0::${path}\n`);
}

const never = () => {
  throw new Error("nobody should ask for this");
};

function placementWith(parts: Partial<PlacementParts>): Placement {
  return new Placement({
    cgroups,
    isAlive: () => true,
    startScope: never,
    findLoginCgroup: never,
    ...parts,
  });
}

describe("encloseLeader", () => {
  const subject = subjectOf({ id: ID, account: GUEST, leader: { pid: LEADER }, service: "login" });
  const SCOPE = `/user.slice/guest-${ID}.scope`;
  const moving = (path: string) => () => {
    moveTo(path);
    return Promise.resolve();
  };

  it("fails when systemd does", async () => {
    const startScope = () => Promise.reject(new Error("the unit exists already"));
    await expect(placementWith({ startScope }).encloseLeader(subject, LEADER, false, Limits)).rejects.toThrow(
      "exists already",
    );
  });

  it("fails when the leader has ended", async () => {
    const gone = placementWith({ startScope: () => Promise.resolve() });
    await expect(gone.encloseLeader(subject, LEADER, false, Limits)).rejects.toThrow(
      `systemd has not put process ${LEADER} into guest-${ID}.scope`,
    );
  });

  it("does not take the cgroup of a process that has reused the leader's PID", async () => {
    addCgroup(SCOPE, LEADER);
    const replaced = placementWith({ startScope: moving(SCOPE), isAlive: () => false });
    await expect(replaced.encloseLeader(subject, LEADER, false, Limits)).rejects.toThrow("has not put");
  });

  it.each([
    `/box.service${SCOPE}`,
    `/user.slice/user-${GUEST.uid}.slice/guest-${ID}.scope`,
    `/user.slice/guest-${ID}x.scope`,
    "/user.slice",
  ])("does not take %s for it", async (path) => {
    addCgroup(path, LEADER);
    let looks = 0;
    const elsewhere = placementWith({ startScope: moving(path), isAlive: () => ++looks < 3 });
    await expect(elsewhere.encloseLeader(subject, LEADER, false, Limits)).rejects.toThrow("has not put");
  });

  it("fails when a leased account's user has no slice", async () => {
    const leased = { ...subject, user: LEASED.user, uid: LEASED.uid };
    const scope = addCgroup(`${SLICE.path}/guest-${ID}.scope`, LEADER);
    const placement = placementWith({ startScope: moving(scope.path) });
    await expect(placement.encloseLeader(leased, LEADER, true, Limits)).rejects.toThrow(
      "there is no cgroup of user-60600.slice",
    );
  });

  it("waits until systemd has moved the leader", async () => {
    moveTo("/system.slice/getty@tty1.service");
    const scope = addCgroup(SCOPE, LEADER);
    let looks = 0;
    const isAlive = () => {
      if (++looks === 3) moveTo(SCOPE);
      return true;
    };
    const asked: unknown[] = [];
    const startScope = (...what: unknown[]) => Promise.resolve(void asked.push(what));
    expect(await placementWith({ startScope, isAlive }).encloseLeader(subject, LEADER, false, Limits)).toEqual({
      cgroups: [scope],
    });
    expect(asked).toEqual([[ID, LEADER, undefined, Limits]]);
  });

  it("gives a leased account's session the whole slice of its user", async () => {
    const slice = addCgroup(SLICE.path);
    const scope = addCgroup(`${SLICE.path}/guest-${ID}.scope`, LEADER);
    const asked: unknown[] = [];
    const startScope = (...what: unknown[]) => {
      asked.push(what);
      return moving(scope.path)();
    };
    const leased = { ...subject, user: LEASED.user, uid: LEASED.uid };
    expect(await placementWith({ startScope }).encloseLeader(leased, LEADER, true, Limits)).toEqual({
      cgroups: [scope, slice],
    });
    expect(asked).toEqual([[ID, LEADER, LEASED.uid, Limits]]);
    const bound = (path: string, control: string) =>
      Number(readFileSync(join(root, path, `cgroup.max.${control}`), "utf8"));
    for (const control of ["depth", "descendants"])
      expect([bound(slice.path, control) > 0, bound(scope.path, control)]).toEqual([true, 0]);
  });
});

describe("findAll", () => {
  const LOGIN = `/user.slice/user-${GUEST.uid}.slice/session-4.scope`;
  const subject = subjectOf({ id: ID, account: GUEST, leader: { pid: LEADER }, service: "login" });
  /** Has ended: no process has this PID. */
  const gone = { pid: 2 ** 30, startTime: 42 };

  it("asks for none of a leased account, or where the move was seen", async () => {
    const placement = placementWith({});
    expect(await placement.findAll([SLICE], { ...subject, uid: LEASED.uid }, gone, true, 7)).toEqual([SLICE]);
    const both = [CGROUP, { path: LOGIN, inode: "4712" }];
    expect(await placement.findAll(both, subject, gone, false, 7)).toEqual(both);
    expect(await placement.findAll([], subject, gone, false, 7)).toEqual([]);
  });

  it("asks for none when another process has the PID", async () => {
    const other = { pid: process.pid, startTime: (readStartTime(process.pid) ?? 0) - 1 };
    expect(await placementWith({}).findAll([CGROUP], subject, other, false, 7)).toEqual([CGROUP]);
  });

  it.each([
    "/",
    "/user.slice",
    "/system.slice/ssh.service",
    "/user.slice/user-1000.slice/session-4.scope",
    `/user.slice/user-${GUEST.uid}.slice`,
    `${LOGIN}/../../..`,
  ])("does not accept %s as the session's", async (path) => {
    addCgroup(path);
    expect(
      await placementWith({ findLoginCgroup: () => Promise.resolve(path) }).findAll([CGROUP], subject, gone, false, 7),
    ).toEqual([CGROUP]);
  });

  it("accepts that logind knows none, or that the cgroup is gone", async () => {
    for (const path of [undefined, LOGIN]) {
      expect(
        await placementWith({ findLoginCgroup: () => Promise.resolve(path) }).findAll(
          [CGROUP],
          subject,
          gone,
          false,
          7,
        ),
      ).toEqual([CGROUP]);
    }
  });

  it.each([
    ["has ended", gone],
    ["is still there", { pid: process.pid, startTime: readStartTime(process.pid) ?? 0 }],
  ])("adds logind's cgroup when the leader %s", async (_, leader) => {
    const login = addCgroup(LOGIN);
    const asked: unknown[] = [];
    const findLoginCgroup = (...what: unknown[]) => {
      asked.push(what);
      return Promise.resolve(LOGIN);
    };
    expect(await placementWith({ findLoginCgroup }).findAll([CGROUP], subject, leader, false, 7)).toEqual([
      CGROUP,
      login,
    ]);
    expect(asked).toEqual([[leader.pid, GUEST.uid, 7]]);
  });
});
