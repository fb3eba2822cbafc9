import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LeaseStore } from "../../../src/system/lease-store.ts";
import { Leases } from "../../../src/system/leases.ts";
import { UserRecords } from "../../../src/system/userdb.ts";
import { GHOST, LEASED, LEASED_SESSION, SESSION } from "../../helpers/samples.ts";

let root: string;
let records: UserRecords;
let store: LeaseStore;
let leases: Leases;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-leases-"));
  records = new UserRecords(join(root, "userdb"));
  store = new LeaseStore(join(root, "leases"));
  leases = new Leases(records, store);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("Leases that are taken up after a restart", () => {
  it("give back the account of a session that nobody wrote down", async () => {
    records.publish(LEASED);
    expect((await leases.recover([], false)).pool).toEqual({ rested: [LEASED.uid], quarantined: new Map() });
    expect(records.list()).toEqual([]);
  });

  it("keep a uid back that was kept, though its account still stands", async () => {
    records.publish(LEASED);
    store.write({ uid: LEASED.uid, at: 1, quarantine: "process 7 does not end" });
    expect((await leases.recover([], false)).pool).toEqual({ rested: [], quarantined: new Map([[LEASED.uid, "process 7 does not end"]]) });
    expect(records.list()).toEqual([]);
  });

  it("leave the accounts of sessions that go on, and know that they stand", async () => {
    records.publish(LEASED);
    const { published: _unknown, ...session } = LEASED_SESSION;
    expect(await leases.recover([session, SESSION], false)).toEqual({ sessions: [LEASED_SESSION, SESSION], pool: { rested: [], quarantined: new Map() } });
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
  });

  it("touch neither the ghost nor what is somebody else's", async () => {
    records.publish(GHOST);
    writeFileSync(join(root, "userdb/other.user"), JSON.stringify({ userName: "other", uid: 60700, service: "io.systemd.Home" }));
    const before = readdirSync(join(root, "userdb"));
    expect((await leases.recover([], false)).pool.rested).toEqual([]);
    expect(readdirSync(join(root, "userdb"))).toEqual(before);
  });
});

describe("an account that is taken back", () => {
  it("is known no more, and its uid rests", () => {
    records.publish(LEASED);
    leases.settle(LEASED.uid, undefined);
    leases.withdraw(LEASED);
    expect(readdirSync(join(root, "userdb"))).toEqual([]);
    expect(store.read().rested).toEqual([LEASED.uid]);
  });

  it("is known no more, and its uid kept when something may be left", () => {
    records.publish(LEASED);
    leases.settle(LEASED.uid, "process 7 does not end");
    leases.withdraw(LEASED);
    expect(readdirSync(join(root, "userdb"))).toEqual([]);
    expect(store.read().quarantined.get(LEASED.uid)).toBe("process 7 does not end");
  });
});
