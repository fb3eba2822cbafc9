import { lchownSync, readdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MemberCriteria, Members } from "../../../../src/system/processes/member-search.ts";
import { findProcesses, sweepIpc, sweepQueues } from "../../../../src/system/sweep/kernel.ts";
import { failure, GUEST_UID, isClosed, SweepWorld } from "../../../helpers/sweep.ts";

const OTHER = GUEST_UID + 1;

let world: SweepWorld;
beforeEach(() => {
  world = new SweepWorld();
});
afterEach(() => world.remove());

describe("the processes of an account", () => {
  const find = (members: Partial<Members>) => {
    const asked: unknown[] = [];
    const search = (criteria: MemberCriteria) => {
      asked.push(criteria);
      return Promise.resolve({ pids: [], unseen: [], whole: true, ...members });
    };
    return { asked, found: findProcesses(search, world.at("proc"), GUEST_UID) };
  };

  it("are found by UID only and reported, as they are killed elsewhere", async () => {
    world.process(7, String(GUEST_UID));
    const { asked, found } = find({ pids: [7] });
    expect(await found).toEqual({ found: 1, removed: 0, left: ["process 7 (sh) runs as the account"] });
    expect(asked).toEqual([{ view: undefined, uid: GUEST_UID }]);
  });

  it("are reported with escaped names", async () => {
    world.process(7, String(GUEST_UID), undefined, 1, 'x"\n) ends');
    expect((await find({ pids: [7] }).found).left).toEqual(["process 7 (x\\x22\\x0a\\x29 ends) runs as the account"]);
  });

  it("may be more than reported where not all could be looked at", async () => {
    expect(await find({ unseen: [9], whole: false }).found).toEqual({
      found: 0,
      removed: 0,
      left: ["process 9 could not be looked at", "not all processes could be looked at in time"],
    });
  });

  it("are not reported as none where a look is impossible", async () => {
    const search = () => Promise.reject(new Error("EAGAIN"));
    await expect(findProcesses(search, world.at("proc"), GUEST_UID)).rejects.toThrow("EAGAIN");
  });
});

describe("the IPC objects of an account", () => {
  const sweep = (bindings = world.bindings) => sweepIpc(bindings, world.at("proc"), GUEST_UID);

  it("are removed if it created or was given them; those of others stay", async () => {
    world.ipc("shm", { id: 3, uid: GUEST_UID, cuid: OTHER }, { id: 4, uid: OTHER, cuid: OTHER });
    world.ipc("sem", { id: 3, uid: OTHER, cuid: GUEST_UID });
    world.ipc("msg", { id: 985, uid: OTHER, cuid: OTHER });
    expect(await sweep()).toEqual({ found: 2, removed: 2, left: [] });
    world.ipc("sem");
    expect(await sweepIpc(world.bindings, world.at("proc"), OTHER)).toMatchObject({ found: 2, left: [] });
  });

  it("that are held are left, with the kernel's reason", async () => {
    world.ipc("shm", { id: 3, uid: GUEST_UID, cuid: GUEST_UID });
    const removeIpc = () => {
      throw failure("EPERM");
    };
    expect(await sweep({ ...world.bindings, removeIpc })).toEqual({
      found: 1,
      removed: 0,
      left: ["shared memory 3 is still there: EPERM"],
    });
    expect(await sweep({ ...world.bindings, removeIpc: () => undefined })).toEqual({
      found: 1,
      removed: 0,
      left: ["shared memory 3 is still there"],
    });
  });

  it("are none where the kernel has no such table", async () => {
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
  });

  it.each([
    ["empty", ""],
    ["of another form", "key shmid owner\n0 3 60600\n"],
  ])("are not none where the table is %s", async (_, text) => {
    world.file("proc/sysvipc/shm", undefined, text);
    await expect(sweep()).rejects.toThrow("has no shmid");
  });

  it("are not none where the table cannot be read", async () => {
    world.directory("proc/sysvipc/shm");
    await expect(sweep()).rejects.toThrow("EISDIR");
  });
});

describe("the message queues of an account", () => {
  const sweep = (bindings = world.bindings) => sweepQueues(bindings, world.at("proc"), GUEST_UID);

  it("are removed, whatever their names are", async () => {
    const odd = Buffer.concat([Buffer.from(`${world.at("queues")}/`), Buffer.from([0xff, 0x0a, 0x22])]);
    writeFileSync(odd, "");
    lchownSync(odd, GUEST_UID, process.getgid?.() ?? 0);
    world.file("queues/plain", GUEST_UID);
    expect(await sweep()).toEqual({ found: 2, removed: 2, left: [] });
    expect(readdirSync(world.at("queues"))).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)("of others stay", async () => {
    world.file("queues/other", OTHER);
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    expect(world.has("queues/other")).toBe(true);
  });

  it("that cannot be removed are left, with escaped names", async () => {
    world.directory('queues/a "b', GUEST_UID);
    const { found, removed, left } = await sweep();
    expect({ found, removed }).toEqual({ found: 1, removed: 0 });
    expect(left).toEqual([expect.stringMatching(/^message queue \/a \\x22b is still there: E(ISDIR|PERM)$/)]);
  });

  it("leave no descriptor open, whatever happens", async () => {
    let fd = -1;
    const openQueues = () => (fd = world.bindings.openQueues());
    await sweep({ ...world.bindings, openQueues });
    expect(isClosed(fd)).toBe(true);
    await expect(sweepQueues({ openQueues }, world.at("nowhere"), GUEST_UID)).rejects.toThrow("ENOENT");
    expect(isClosed(fd)).toBe(true);
  });

  it("are none where the kernel has none, and unknown where they cannot be opened", async () => {
    const refuse = (code: string) => ({
      ...world.bindings,
      openQueues: () => {
        throw failure(code);
      },
    });
    expect(await sweep(refuse("ENODEV"))).toEqual({ found: 0, removed: 0, left: [] });
    await expect(sweep(refuse("EPERM"))).rejects.toThrow("EPERM");
  });
});
