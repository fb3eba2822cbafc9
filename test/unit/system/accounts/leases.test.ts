import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Account } from "../../../../src/policy/account.ts";
import type { SavedSession } from "../../../../src/policy/session.ts";
import { LeaseStore } from "../../../../src/system/state/lease-store.ts";
import { Leases } from "../../../../src/system/accounts/leases.ts";
import { UserRecords } from "../../../../src/system/accounts/userdb.ts";
import { recordOf } from "../../../helpers/play.ts";
import {
  ALLOCATED_SESSION,
  configOf,
  ENDING_SESSION,
  GHOST,
  LEASED,
  LEASED_SESSION as LEASED_OPEN,
  SESSION as OPEN,
} from "../../../helpers/samples.ts";

const [SESSION, LEASED_SESSION] = [recordOf(OPEN), recordOf(LEASED_OPEN)];

let root: string;
let records: UserRecords;
let store: LeaseStore;
let leases: Leases;
/** Accounts besides guestd's. */
let others: Account[];
let groups: Map<string, number>;
let isBroken: boolean;
/** In /home. */
let homes: string[];
/** `logins` are known to logind; `running` have processes. */
let logins: Map<number, string>;
let running: Map<number, string>;

const paths = () => ({
  rested: join(root, "run/rested"),
  restedEarlier: join(root, "run/leases"),
  quarantined: join(root, "var/quarantine"),
});
const WHY = { reason: "processes: process 7 does not end", user: LEASED.user, session: "s1" };

/** Without a name it is not swept: the session may continue. */
const UNCLEAR = { reason: expect.stringContaining("could not be read") as string, user: "" };

const looked = <T>(found: T): Promise<T> =>
  isBroken ? Promise.reject(new Error("getent does not answer")) : Promise.resolve(found);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-leases-"));
  records = new UserRecords(join(root, "userdb"), join(root, "etc"));
  store = new LeaseStore(paths());
  logins = new Map();
  running = new Map();
  [others, groups, isBroken, homes] = [[], new Map([["guests", 985]]), false, []];
  mkdirSync(join(root, "linger"));
  leases = new Leases(records, store, {
    linger: join(root, "linger"),
    accounts: {
      findAccount: (name) => looked(others.find(({ user }) => user === name)),
      findGroup: (name) => looked(groups.get(name)),
      findOwner: (name, uid) => looked(others.find((account) => account.user === name || account.uid === uid)?.user),
    },
    homeExists: (home) => looked(homes.includes(home)),
    uidUse: {
      findLogin: (uid) => logins.get(uid),
      find: (uid) => Promise.resolve(logins.get(uid) ?? running.get(uid)),
    },
  });
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("leases taken up after a restart", () => {
  it("withdraw the account of a session that was never saved", async () => {
    records.publish(LEASED);
    expect((await leases.recover([], false)).kept).toEqual({ rested: [LEASED.uid], quarantined: new Map() });
    expect(records.list()).toEqual([]);
  });

  it("keep a quarantined UID quarantined, though its account still exists", async () => {
    records.publish(LEASED);
    await store.quarantine(LEASED.uid, WHY);
    expect((await leases.recover([], false)).kept).toEqual({ rested: [], quarantined: new Map([[LEASED.uid, WHY]]) });
    expect(records.list()).toEqual([]);
  });

  it("keep the accounts of sessions that continue, and know that they exist", async () => {
    records.publish(LEASED);
    expect(await leases.recover([{ ...LEASED_SESSION, published: false }, SESSION], false)).toEqual({
      sessions: [LEASED_SESSION, SESSION],
      kept: { rested: [], quarantined: new Map() },
    });
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
  });

  it("touch neither the ghost nor records of others", async () => {
    records.publish(GHOST);
    writeFileSync(
      join(root, "userdb/other.user"),
      JSON.stringify({ userName: "other", uid: 60700, service: "io.systemd.Home" }),
    );
    const before = readdirSync(join(root, "userdb"));
    expect((await leases.recover([], false)).kept.rested).toEqual([]);
    expect(readdirSync(join(root, "userdb"))).toEqual(before);
  });
});

describe("leases, where there may be unreadable sessions,", () => {
  it("keep the account of such a session, and quarantine its UID", async () => {
    records.publish(LEASED);
    const { kept } = await leases.recover([SESSION], true);
    expect(kept).toEqual({ rested: [], quarantined: new Map([[LEASED.uid, UNCLEAR]]) });
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
    expect(new LeaseStore(paths()).read()).toEqual(kept);
  });

  it("keep the UID quarantined at the next start, when all sessions are readable again", async () => {
    records.publish(LEASED);
    await leases.recover([], true);
    expect((await leases.recover([], false)).kept).toMatchObject({
      rested: [],
      quarantined: new Map([[LEASED.uid, UNCLEAR]]),
    });
    expect(records.list()).toEqual([]);
  });

  it("leave the account of a readable session unchanged", async () => {
    records.publish(LEASED);
    expect((await leases.recover([LEASED_SESSION], true)).kept).toEqual({ rested: [], quarantined: new Map() });
  });
});

describe("leases that cannot save the state of a UID", () => {
  const OTHER = { ...LEASED, user: "guest-bbbb", uid: LEASED.uid + 1 };
  const stands = [{ user: LEASED.user, uid: LEASED.uid }];

  /** A directory in place of the file. */
  const block = () => {
    for (const path of [paths().rested, join(paths().quarantined, `${LEASED.uid}.new`)])
      mkdirSync(path, { recursive: true });
  };

  it("keep its account, which reserves the UID, and start", async () => {
    records.publish(LEASED);
    block();
    expect(await leases.recover([SESSION], false)).toEqual({
      sessions: [SESSION],
      kept: { rested: [], quarantined: new Map() },
    });
    expect(records.list()).toEqual(stands);
  });

  it("keep the account of an unreadable session, too", async () => {
    records.publish(LEASED);
    block();
    expect((await leases.recover([], true)).kept).toEqual({ rested: [], quarantined: new Map() });
    expect(records.list()).toEqual(stands);
  });

  it("withdraw the other accounts, and take up the sessions that continue", async () => {
    const third = { ...LEASED, user: "guest-cccc", uid: LEASED.uid + 2 };
    for (const account of [LEASED, OTHER, third]) records.publish(account);
    await store.quarantine(LEASED.uid, WHY);
    await store.quarantine(third.uid, WHY);
    block();
    const session = { ...LEASED_SESSION, account: OTHER };
    const { sessions, kept } = await leases.recover([session], false);
    expect(sessions).toEqual([session]);
    expect([...kept.quarantined.keys()]).toEqual([LEASED.uid, third.uid]);
    expect(records.list()).toEqual([...stands, { user: OTHER.user, uid: OTHER.uid }]);
  });

  it("retry at the next start", async () => {
    records.publish(LEASED);
    block();
    await leases.recover([], false);
    rmSync(join(root, "run"), { recursive: true });
    expect((await leases.recover([], false)).kept).toEqual({ rested: [LEASED.uid], quarantined: new Map() });
    expect(records.list()).toEqual([]);
  });
});

describe("leases that have lost an account", () => {
  const ending = recordOf({ ...ENDING_SESSION, account: LEASED, leased: true, published: true });
  const waiting: SavedSession = { ...recordOf(ALLOCATED_SESSION), published: false };

  it.each<[string, Account]>([
    ["name", { ...LEASED, uid: 1000 }],
    ["uid", { ...LEASED, user: "somebody" }],
  ])("do not create it again for a login that continues when its %s is taken", async (_, other) => {
    others = [other];
    expect((await leases.recover([waiting], false)).sessions).toEqual([waiting]);
    expect(records.list()).toEqual([]);
  });

  it("create the missing link from its UID again", async () => {
    records.publish(LEASED);
    rmSync(join(root, `userdb/${LEASED.uid}.user`));
    await leases.recover([LEASED_SESSION], false);
    expect(readdirSync(join(root, "userdb"))).toContain(`${LEASED.uid}.user`);
  });

  it("do not claim that it exists when its owner cannot be determined", async () => {
    isBroken = true;
    expect((await leases.recover([waiting], false)).sessions).toEqual([waiting]);
    expect(records.list()).toEqual([]);
  });

  it("create it again for a login that continues when it is free", async () => {
    expect((await leases.recover([waiting], false)).sessions).toEqual([{ ...waiting, published: true }]);
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
  });

  it("do not create it again for an ending session, since nothing would withdraw it a second time", async () => {
    expect((await leases.recover([ending], false)).sessions).toEqual([ending]);
    expect(records.list()).toEqual([]);
    expect((await leases.recover([LEASED_SESSION], false, new Set([LEASED_SESSION.id]))).sessions).toEqual([
      LEASED_SESSION,
    ]);
    expect(records.list()).toEqual([]);
  });

  it("leave an existing one to its end, and notice when the UID of an ending session is taken", async () => {
    others = [{ ...LEASED, user: "somebody" }];
    expect((await leases.recover([ending], false)).sessions).toEqual([{ ...ending, published: false }]);
    records.publish(LEASED);
    expect((await leases.recover([ending], false)).sessions).toEqual([ending]);
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
  });

  it("create it again for an open session in any case", async () => {
    [others, isBroken] = [[{ ...LEASED, user: "somebody" }], true];
    expect((await leases.recover([LEASED_SESSION], false)).sessions).toEqual([LEASED_SESSION]);
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
  });
});

describe("an account that may have been created before a restart", () => {
  it("is created again for its end, even where its home exists, since that is to be swept", async () => {
    homes = [LEASED.home];
    const session: SavedSession = { ...recordOf(ALLOCATED_SESSION), published: false };
    expect((await leases.recover([session], false)).sessions).toEqual([{ ...session, published: true }]);
  });
});

describe("publishing an account", () => {
  it("fails when its name or UID is taken, and names the owner", async () => {
    others = [{ ...LEASED, user: "somebody" }];
    expect(await leases.publish(LEASED)).toEqual({ taken: "somebody", homeExists: false });
    expect(records.list()).toEqual([]);
  });

  it("fails when its UID is in use by a user unknown to the name service", async () => {
    running.set(LEASED.uid, "the owner of process 7");
    expect(await leases.publish(LEASED)).toEqual({ taken: "the owner of process 7", homeExists: false });
    expect(records.list()).toEqual([]);
  });

  it("fails when the name service does not answer", async () => {
    isBroken = true;
    await expect(leases.publish(LEASED)).rejects.toThrow("does not answer");
    expect(records.list()).toEqual([]);
  });

  it("fails when its home exists", async () => {
    homes = [LEASED.home];
    expect(await leases.publish(LEASED)).toEqual({ taken: undefined, homeExists: true });
    expect(records.list()).toEqual([]);
  });

  it("succeeds when it is free, and the name service knows it at once", async () => {
    expect(await leases.publish(LEASED)).toEqual({ taken: undefined, homeExists: false });
    expect(records.list()).toEqual([{ user: LEASED.user, uid: LEASED.uid }]);
  });
});

describe("the ghost", () => {
  const config = configOf();
  const shipped: Account = { ...GHOST, shell: config.Guests.Shell, realName: config.Guests.GhostName };

  it("is not created over another user of its name", async () => {
    others = [{ ...shipped, uid: 1000 }];
    await leases.publishGhost(config);
    expect(records.list()).toEqual([]);
  });

  it("is not created without the group of guests", async () => {
    groups.clear();
    await leases.publishGhost(config);
    expect(records.list()).toEqual([]);
  });

  it.each(["userdb", "etc"])("is not created while root masks its UID, in %s", async (directory) => {
    mkdirSync(join(root, directory), { recursive: true });
    symlinkSync("/dev/null", join(root, directory, "60000.user"));
    await leases.publishGhost(config);
    expect(records.list()).toEqual([]);
    expect(readlinkSync(join(root, directory, "60000.user"))).toBe("/dev/null");
  });

  it("stays unchanged when the name service does not answer", async () => {
    records.publish(shipped);
    isBroken = true;
    await expect(leases.publishGhost(configOf("[Guests]", "Ghost=visitor"))).rejects.toThrow("does not answer");
    expect(records.list()).toEqual([{ user: GHOST.user, uid: GHOST.uid }]);
  });

  it("is not created again when it exists as configured", async () => {
    others = [shipped];
    await leases.publishGhost(config);
    expect(records.list()).toEqual([]);
  });

  it.each(Object.entries({ gid: 986, shell: "/bin/other", realName: "Somebody", home: "/" }))(
    "is created again when it has another %s",
    async (key, value) => {
      others = [{ ...shipped, [key]: value }];
      await leases.publishGhost(config);
      const { gid, shell, realName, homeDirectory } = JSON.parse(
        readFileSync(join(root, "userdb/guest.user"), "utf8"),
      ) as Record<string, unknown>;
      expect({ gid, shell, realName, homeDirectory }).toEqual({
        gid: 985,
        shell: shipped.shell,
        realName: shipped.realName,
        homeDirectory: "/home/guest",
      });
    },
  );

  it("replaces the one with another name", async () => {
    records.publish(shipped);
    await leases.publishGhost(configOf("[Guests]", "Ghost=visitor"));
    expect(records.list()).toEqual([{ user: "visitor", uid: GHOST.uid }]);
  });
});

describe("the mark that prevents a user manager", () => {
  it("is removed, and no other; a missing one is no error", () => {
    writeFileSync(join(root, "linger", LEASED.user), "");
    writeFileSync(join(root, "linger/other"), "");
    expect(leases.dropLinger(LEASED)).toEqual({ kind: "linger", found: 1, removed: 1, left: [] });
    expect(leases.dropLinger(LEASED)).toEqual({ kind: "linger", found: 0, removed: 0, left: [] });
    expect(readdirSync(join(root, "linger"))).toEqual(["other"]);
  });

  it("that cannot be removed is an error", () => {
    mkdirSync(join(root, "linger", LEASED.user));
    expect(() => leases.dropLinger(LEASED)).toThrow();
  });
});

describe("a UID to be swept", () => {
  it("is refused when it belongs to a user by now", async () => {
    others = [{ ...LEASED, user: "somebody" }];
    await expect(leases.checkForeign(LEASED)).rejects.toThrow("belongs to somebody");
  });

  it("is refused when its owner cannot be determined", async () => {
    isBroken = true;
    await expect(leases.checkForeign(LEASED)).rejects.toThrow("does not answer");
  });

  it("is refused when a user unknown to the name service has logged in with it", async () => {
    logins.set(LEASED.uid, "dora");
    expect(await leases.findForeign(LEASED)).toBe("dora");
    await expect(leases.checkForeign(LEASED)).rejects.toThrow("belongs to dora");
  });

  it("is accepted when it is free or still its guest's", async () => {
    logins.set(LEASED.uid, LEASED.user);
    running.set(LEASED.uid, "the owner of process 7");
    await expect(leases.checkForeign(LEASED)).resolves.toBeUndefined();
    others = [LEASED];
    await expect(leases.checkForeign(LEASED)).resolves.toBeUndefined();
  });
});

describe("an account that is withdrawn", () => {
  it("is unknown again, and its UID rests", async () => {
    records.publish(LEASED);
    await leases.saveUid(LEASED.uid, undefined);
    leases.withdraw(LEASED);
    expect(readdirSync(join(root, "userdb"))).toEqual([]);
    expect(store.read().rested).toEqual([LEASED.uid]);
  });

  it("is unknown again, and its UID is quarantined when something may be left", async () => {
    records.publish(LEASED);
    await leases.saveUid(LEASED.uid, WHY);
    leases.withdraw(LEASED);
    expect(readdirSync(join(root, "userdb"))).toEqual([]);
    expect(store.read()).toEqual({ rested: [], quarantined: new Map([[LEASED.uid, WHY]]) });
  });

  it("is not reported as quarantined when that cannot be saved", async () => {
    mkdirSync(join(root, "var"));
    writeFileSync(paths().quarantined, "");
    await expect(leases.saveUid(LEASED.uid, WHY)).rejects.toThrow();
  });
});
