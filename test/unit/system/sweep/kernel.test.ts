import { lchownSync, readdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listProcesses, sweepIpc, sweepQueues } from "../../../../src/system/sweep/kernel.ts";
import { failure, GUEST_UID, isClosed, SweepWorld } from "../../../helpers/sweep.ts";

const OTHER = GUEST_UID + 1;

let world: SweepWorld;
beforeEach(() => {
  world = new SweepWorld();
});
afterEach(() => world.remove());

const GUEST = `${GUEST_UID}\t${GUEST_UID}\t${GUEST_UID}\t${GUEST_UID}`;

describe("processes of an account", () => {
  it.each([0, 1, 2, 3])("are those with its uid as uid number %i", (index) => {
    const four = [0, 0, 0, 0];
    four[index] = GUEST_UID;
    world.process(7, four.join("\t"));
    expect(listProcesses(world.at("proc"), GUEST_UID)).toEqual(["process 7 (sh) runs as the account"]);
  });

  it("are not those of a uid that begins alike, nor zombies, nor what is no process", () => {
    world.process(7, GUEST.replaceAll(/$|\t/g, "1$&"));
    world.process(8, GUEST, "Z (zombie)");
    world.file("proc/version");
    expect(listProcesses(world.at("proc"), GUEST_UID)).toEqual([]);
  });

  it("are those as well whose first thread alone has ended", () => {
    world.process(8, GUEST, "Z (zombie)", 2);
    expect(listProcesses(world.at("proc"), GUEST_UID)).toHaveLength(1);
  });

  it("do not say what their name wants to have said", () => {
    world.process(7, GUEST, undefined, 1, 'x"\n) ends');
    expect(listProcesses(world.at("proc"), GUEST_UID)).toEqual([
      "process 7 (x\\x22\\x0a\\x29 ends) runs as the account",
    ]);
  });

  it("that end while they are looked at are none; a /proc that cannot be read is an error", () => {
    world.directory("proc/9");
    expect(listProcesses(world.at("proc"), GUEST_UID)).toEqual([]);
    expect(() => listProcesses(world.at("nowhere"), GUEST_UID)).toThrow("ENOENT");
  });
});

describe("IPC objects of an account", () => {
  const sweep = (bindings = world.bindings) => sweepIpc(bindings, world.at("proc"), GUEST_UID);

  it("go, whether it has made them or was given them; those of others stay", async () => {
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

describe("message queues of an account", () => {
  const sweep = (bindings = world.bindings) => sweepQueues(bindings, world.at("proc"), GUEST_UID);

  it("go, whatever their names are", async () => {
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

  it("that cannot be taken away are left, with a name that is no more than a name", async () => {
    world.directory('queues/a "b', GUEST_UID);
    const { found, removed, left } = await sweep();
    expect({ found, removed }).toEqual({ found: 1, removed: 0 });
    expect(left).toEqual([expect.stringMatching(/^message queue \/a \\x22b is still there: E(ISDIR|PERM)$/)]);
  });

  it("do not hold a descriptor afterwards, whatever happens", async () => {
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
