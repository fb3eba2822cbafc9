import { chmodSync, closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sweepJournal } from "../../../../src/system/sweep/journal.ts";
import { SweepWorld } from "../../../helpers/sweep.ts";

const UID = 65_536;
const DIRECTORY = `var/log/journal/${"a".repeat(32)}`;
const SEQUENCE = "0123456789abcdef0123456789abcdef";
const ARCHIVED = `user-${UID}@${SEQUENCE}-0000000000000007-00000000000001c8.journal`;
const SIZE = 8 * 2 ** 20;

let world: SweepWorld;
let ran: string[];
beforeEach(() => {
  world = new SweepWorld();
  ran = [];
});
afterEach(() => world.remove());

/** A file in use by journald: a header, a hole, and something at the end. */
function addJournal(name: string, signature = "LPKSHHRH"): string {
  const path = world.file(`${DIRECTORY}/${name}`);
  const header = Buffer.alloc(256);
  header.write(signature, "latin1");
  header[16] = 1;
  header.write(SEQUENCE, 72, "hex");
  header.writeBigUInt64LE(7n, 168);
  header.writeBigUInt64LE(456n, 184);
  const fd = openSync(path, "r+");
  writeSync(fd, header, 0, header.length, 0);
  writeSync(fd, "end", SIZE - 3);
  closeSync(fd);
  chmodSync(path, 0o640);
  return path;
}

const sweep = (policy: "keep" | "remove" = "keep") =>
  sweepJournal(world.root, UID, policy, (program, args) => {
    ran.push([program, ...args].join(" "));
    return Promise.resolve();
  });
const names = () => readdirSync(world.at(DIRECTORY)).sort();

describe("the journal of an account", () => {
  it("is not asked for where journald keeps none", async () => {
    expect(await sweep()).toEqual({ found: 0, removed: 0, left: [] });
    expect(ran).toEqual([]);
  });

  it("is archived under journald's name, read-only, and reports its size", async () => {
    const path = addJournal(`user-${UID}.journal`);
    expect(await sweep()).toEqual({ found: 1, removed: 1, left: [] });
    expect(names()).toEqual([ARCHIVED]);
    const { mode, size, blocks } = statSync(world.at(`${DIRECTORY}/${ARCHIVED}`));
    expect([mode & 0o777, size, blocks * 512 < 100_000]).toEqual([0o440, SIZE, true]);
    const bytes = readFileSync(world.at(`${DIRECTORY}/${ARCHIVED}`));
    expect([bytes[16], bytes.toString("latin1", SIZE - 3)]).toEqual([2, "end"]);
    expect(ran).toEqual([
      "/usr/bin/journalctl --sync",
      `/usr/bin/fallocate --punch-hole --offset=4096 --length=${SIZE - 4096} ${path}`,
    ]);
  });

  it("that journald has archived in between is treated the same, once; and so is a broken one", async () => {
    addJournal(ARCHIVED);
    addJournal(`user-${UID}@0000000000000001-0000000000000002.journal~`, "BROKEN!!");
    addJournal(`user-${UID}.journal`, "BROKEN!!");
    expect(await sweep()).toMatchObject({ found: 3, removed: 3, left: [] });
    expect(names()).toHaveLength(3);
    expect(names().filter((name) => name.endsWith(".journal~"))).toHaveLength(2);
    expect(await sweep()).toMatchObject({ found: 0, left: [] });
  });

  it("is removed, with archived files, when so configured", async () => {
    addJournal(`user-${UID}.journal`);
    await sweep();
    addJournal(`user-${UID}.journal`);
    expect(await sweep("remove")).toMatchObject({ found: 2, removed: 2, left: [] });
    expect(names()).toEqual([]);
  });

  it("of another UID, of the machine and of a namespace stays", async () => {
    const others = [`user-${UID}0.journal`, "user-1000@x.journal", "system.journal", `user-${UID}.journal.txt`];
    for (const name of others) addJournal(name);
    world.file(`${DIRECTORY}.guests/user-${UID}.journal`);
    expect(await sweep("remove")).toMatchObject({ found: 0, left: [] });
    expect(names()).toEqual(others.sort());
    expect(existsSync(world.at(`${DIRECTORY}.guests/user-${UID}.journal`))).toBe(true);
  });

  it("is named while it exists, and what journald has not written yet is not clean", async () => {
    const path = addJournal(`user-${UID}.journal`);
    const refuse = (program: string) =>
      program.endsWith("fallocate") ? Promise.reject(new Error("EOPNOTSUPP")) : Promise.resolve();
    expect((await sweepJournal(world.root, UID, "keep", refuse)).left).toEqual([`${path} is still there: EOPNOTSUPP`]);
    await expect(sweepJournal(world.root, UID, "keep", () => Promise.reject(new Error("late")))).rejects.toThrow(
      'journald does not answer "journalctl --sync"',
    );
  });

  it("keeps the last fifty files of guests, and all of the machine's", async () => {
    for (let number = 10; number < 70; number++) {
      addJournal(`user-${UID + number}@${SEQUENCE}-${number}-1.journal`);
      chmodSync(world.at(`${DIRECTORY}/user-${UID + number}@${SEQUENCE}-${number}-1.journal`), 0o440);
    }
    addJournal(`user-1000@${SEQUENCE}-1-1.journal`);
    await sweep();
    expect(names()).toHaveLength(51);
    expect(names()).toContain(`user-1000@${SEQUENCE}-1-1.journal`);
  });
});
