import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CoredumpWriters } from "../../../../src/system/sweep/coredump-writers.ts";
import { GUEST_UID, OWNER, SweepWorld } from "../../../helpers/sweep.ts";
import { waitFor } from "../../../helpers/wait.ts";

const NAME = "systemd-coredum";
const ROOT = "0\t0\t0\t0";
const PROGRAM = "/usr/lib/systemd/systemd-coredump";
const HELPER = (uid: number) => [PROGRAM, 4711, uid, 985, ""].join("\0");

let world: SweepWorld;
beforeEach(() => {
  world = new SweepWorld();
  world.directory("proc");
});
afterEach(() => world.remove());

function add(pid: number, { uids = ROOT, name = NAME, exe = PROGRAM, line = `${PROGRAM}\0`, start = 1 } = {}): void {
  world.file(`proc/${pid}/status`, undefined, `Name:\t${name}\nState:\tS (sleeping)\nUid:\t${uids}\nThreads:\t1\n`);
  world.file(`proc/${pid}/comm`, undefined, `${name}\n`);
  world.link(`proc/${pid}/exe`, exe);
  world.file(`proc/${pid}/cmdline`, undefined, line);
  world.file(`proc/${pid}/stat`, undefined, `${pid} (${name}) S ${"0 ".repeat(18)}${start} 0\n`);
}
const end = (pid: number) => world.drop(`proc/${pid}`);

const SHORT_MS = 30;
const LONG_MS = 20_000;
const writers = (limitMs = SHORT_MS) => new CoredumpWriters(world.at("proc"), limitMs);
const named = (pid: number) => `process ${pid} (${NAME}) may still be writing a dump`;

describe("core dumps being written", () => {
  it("are waited for, and no other process is", async () => {
    const uids = [GUEST_UID, GUEST_UID, GUEST_UID, GUEST_UID].join("\t");
    add(10, { name: "sh" });
    add(11, { uids: "1000\t1000\t1000\t1000" });
    add(12, { line: HELPER(1000) });
    expect(await writers().awaitEnd(OWNER)).toEqual([]);
    add(13);
    add(14, { uids });
    add(15, { line: HELPER(GUEST_UID) });
    expect(await writers().awaitEnd(OWNER)).toEqual([named(13), named(14), named(15)]);
  });

  it.each(["/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor"])(
    "are waited for at a child of systemd that will become the service: %s",
    async (exe) => {
      add(13, { name: "(coredump)", exe });
      add(14, { name: "(coredump)", exe: "/usr/bin/su" });
      add(15, { name: "(sh)", exe });
      expect(await writers().awaitEnd(OWNER)).toEqual([expect.stringMatching(/^process 13 /)]);
    },
  );

  it("are not waited for at a process of the account with the service's name", async () => {
    const uids = [GUEST_UID, GUEST_UID, GUEST_UID, GUEST_UID].join("\t");
    add(13, { uids, exe: "/home/guest/systemd-coredump" });
    add(14, { exe: "/usr/bin/sh" });
    expect(await writers().awaitEnd(OWNER)).toEqual([]);
  });

  it("are waited for at a process of the account, whatever its command line says", async () => {
    add(13, { uids: [GUEST_UID, GUEST_UID, GUEST_UID, GUEST_UID].join("\t"), line: HELPER(1000) });
    expect(await writers().awaitEnd(OWNER)).toEqual([named(13)]);
  });

  it("are complete when their program has ended", async () => {
    add(13);
    let isDone = false;
    const waiting = writers(LONG_MS)
      .awaitEnd(OWNER)
      .finally(() => (isDone = true));
    await new Promise(setImmediate);
    expect(isDone).toBe(false);
    end(13);
    expect(await waiting).toEqual([]);
  });

  it("are waited for when the kernel's helper has passed them on", async () => {
    const watched = writers(LONG_MS);
    add(15, { line: HELPER(GUEST_UID) });
    let isDone = false;
    const waiting = watched.awaitEnd(OWNER).finally(() => (isDone = true));
    await new Promise(setImmediate);
    end(15);
    add(16);
    await expect(waitFor("an end too early", () => isDone, 1000)).rejects.toThrow(/not within/);
    end(16);
    expect(await waiting).toEqual([]);
  });

  it("are those that began before: a later look waits for no other, even with the same PID", async () => {
    const watched = writers();
    add(13);
    add(14);
    expect(await watched.awaitEnd(OWNER)).toEqual([named(13), named(14)]);
    add(17);
    end(14);
    add(14, { start: 2 });
    expect(await watched.awaitEnd(OWNER)).toEqual([named(13)]);
    end(13);
    expect(await watched.awaitEnd(OWNER)).toEqual([]);
  });

  it("are all awaited again while the account has a process, and for the next guest with its UID", async () => {
    const watched = writers();
    add(13);
    await watched.awaitEnd(OWNER);
    add(17);
    expect(await watched.awaitEnd({ ...OWNER, user: "guest-bbbb" })).toEqual([named(13), named(17)]);
    add(20, { name: "sh", uids: [GUEST_UID, GUEST_UID, GUEST_UID, GUEST_UID].join("\t") });
    expect(await watched.awaitEnd(OWNER)).toEqual([named(13), named(17)]);
  });
});
