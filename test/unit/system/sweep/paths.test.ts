import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseMounts } from "../../../../src/system/processes/mountinfo.ts";
import {
  jobPaths,
  lingerPaths,
  mailPaths,
  resolveLinks,
  runtimePaths,
  sweepCoredumps,
  sweepPaths,
  sweepTrees,
} from "../../../../src/system/sweep/paths.ts";
import type { SweepPaths } from "../../../../src/system/sweep/paths.ts";
import { GUEST_UID, OWNER, SweepWorld } from "../../../helpers/sweep.ts";

const { user, uid } = OWNER;
const CLEAN = { found: 0, removed: 0, left: [] };

let world: SweepWorld;
beforeEach(() => {
  world = new SweepWorld();
});
afterEach(() => world.remove());

const sweep = (paths: SweepPaths, bindings = world.bindings) => sweepPaths(bindings, world.root, paths, uid);

describe("a swept path", () => {
  it("loses a link with the account's name, and not its target", async () => {
    world.file("etc/shadow");
    world.link(`var/mail/${user}`, world.at("etc/shadow"));
    expect(await sweep(mailPaths(OWNER))).toMatchObject({ left: [] });
    expect([world.has(`var/mail/${user}`), world.has("etc/shadow")]).toEqual([false, true]);
  });

  it("is searched once when it has two names", async () => {
    world.file(`var/mail/${user}`, 0);
    world.link("var/spool/mail", "../mail");
    const asked: (readonly string[])[] = [];
    const bindings = {
      ...world.bindings,
      sweepFiles: (...args: Parameters<typeof world.bindings.sweepFiles>) => (
        asked.push(args[0]),
        world.bindings.sweepFiles(...args)
      ),
    };
    expect(await sweep({ ...mailPaths(OWNER), trees: ["/var/mail", "/var/spool/mail"] }, bindings)).toEqual({
      found: 1,
      removed: 1,
      left: [],
    });
    expect(asked).toEqual([[world.at("var/mail")], [world.at("var/mail")]]);
  });

  it("keeps a non-empty directory with the account's name, and reports it", async () => {
    world.file(`run/user/${uid}/bus`);
    expect(await sweep(runtimePaths(OWNER))).toEqual({
      found: 1,
      removed: 0,
      left: [`${world.at(`run/user/${uid}`)} is still there: ENOTEMPTY`],
    });
    expect(world.has(`run/user/${uid}/bus`)).toBe(true);
  });

  it("on a file server that does not answer is reported, without a look by a thread of Node's", async () => {
    world.file(`media/${user}`);
    world.file(`run/faillock/${user}`);
    const lines = ["1 0 8:1 / / rw - ext4 x rw", `2 1 0:9 / ${world.at("media")} rw - nfs4 files:/media rw`];
    const silent = (path: string) => Promise.reject(new Error(`${path} could not be looked at in 3 s`));
    const servers = { listMounts: () => parseMounts(lines.join("\n")), ask: silent };
    expect(await sweepPaths(world.bindings, world.root, runtimePaths(OWNER), uid, servers)).toEqual({
      found: 2,
      removed: 1,
      left: [`${world.at(`media/${user}`)} could not be looked at in 3 s`],
    });
    const answering = { ...servers, ask: () => Promise.resolve(true) };
    expect(await sweepPaths(world.bindings, world.root, runtimePaths(OWNER), uid, answering)).toMatchObject({
      left: [],
    });
    expect(world.has(`media/${user}`)).toBe(false);
  });

  it("that does not exist has no findings", async () => {
    for (const paths of [jobPaths, lingerPaths, mailPaths, runtimePaths])
      expect(await sweep(paths(OWNER))).toEqual(CLEAN);
  });

  it("that cannot be searched is reported, and does not block the others", async () => {
    world.link("run/faillock", "faillock");
    world.file(`run/sudo/ts/${user}`);
    const { found, removed, left } = await sweep(runtimePaths(OWNER));
    expect({ found, removed, left }).toEqual({
      found: 2,
      removed: 1,
      left: [`${world.at(`run/faillock/${user}`)} could not be looked at (ELOOP)`],
    });
    expect(world.has(`run/sudo/ts/${user}`)).toBe(false);
  });
});

describe("a directory on a file server", () => {
  const mounts = parseMounts(["1 0 8:1 / / rw - ext4 x rw", "2 1 0:9 / /srv/share rw - nfs4 srv:/share rw"].join("\n"));

  it("is not resolved by a thread of Node's, which could hang", async () => {
    const resolved: string[] = [];
    const resolvePath = (path: string) => (resolved.push(path), Promise.resolve(path));
    const paths = ["/srv/share/a/b", "/srv/shared", "/srv/share"];
    expect(await resolveLinks(paths, mounts, resolvePath)).toEqual(paths);
    expect(resolved).toEqual(["/srv/shared"]);
  });
});

describe("what is swept by name", () => {
  it.each<[string, SweepPaths, string[], string[]]>([
    [
      "jobs",
      jobPaths(OWNER),
      [`var/spool/cron/crontabs/${user}`, `var/spool/cron/${user}`],
      ["var/spool/cron/crontabs/guest-aaab", "var/spool/cron/crontabs/root"],
    ],
    ["linger", lingerPaths(OWNER), [`var/lib/systemd/linger/${user}`], [`var/lib/systemd/linger/${user}2`]],
    ["mail", mailPaths(OWNER), [`var/mail/${user}`, `var/spool/mail/${user}`], ["var/mail/root"]],
    [
      "runtime",
      runtimePaths(OWNER),
      [
        ...[
          `run/sudo/ts/${user}`,
          `run/sudo/ts/${uid}`,
          `var/lib/sudo/lectured/${user}`,
          `var/lib/sudo/lectured/${uid}`,
          `run/faillock/${user}`,
        ],
        ...[
          `var/lib/AccountsService/users/${user}`,
          `var/lib/AccountsService/icons/${user}`,
          `var/cache/lightdm/dmrc/${user}.dmrc`,
        ],
      ],
      [`run/sudo/ts/${uid}1`, "run/faillock/root", "var/cache/lightdm/dmrc/root.dmrc"],
    ],
  ])("includes %s", async (_, paths, own, others) => {
    for (const path of [...own, ...others]) world.file(path, 0);
    expect(await sweep(paths)).toEqual({ found: own.length, removed: own.length, left: [] });
    expect(own.filter((path) => world.has(path))).toEqual([]);
    expect(others.filter((path) => !world.has(path))).toEqual([]);
  });

  it("includes empty directories left by logind and udisks", async () => {
    for (const path of [`run/user/${uid}`, `media/${user}`, `run/media/${user}`]) world.directory(path, 0);
    expect(await sweep(runtimePaths(OWNER))).toEqual({ found: 3, removed: 3, left: [] });
  });

  it("does not include logind's record of a user, which is only reported", async () => {
    world.file(`run/systemd/users/${uid}`, 0);
    expect(await sweep(runtimePaths(OWNER))).toEqual({
      found: 1,
      removed: 0,
      left: [`${world.at(`run/systemd/users/${uid}`)} is still there`],
    });
    expect(world.has(`run/systemd/users/${uid}`)).toBe(true);
  });
});

describe("what is swept by owner", () => {
  it("includes at's jobs, crontabs under other names, and LightDM's data of the user", async () => {
    const own = ["var/spool/cron/atjobs/a0000101", "var/spool/cron/crontabs/tmp.Xyz", "var/mail/odd"].map(
      (path) => (world.file(path, GUEST_UID), path),
    );
    world.file("var/spool/cron/atjobs/a0000202", GUEST_UID + 1);
    world.directory(`var/lib/lightdm-data/${user}`, GUEST_UID);
    expect(await sweep(jobPaths(OWNER))).toEqual({ found: 2, removed: 2, left: [] });
    expect(await sweep(mailPaths(OWNER))).toEqual({ found: 1, removed: 1, left: [] });
    expect(await sweep(runtimePaths(OWNER))).toEqual({ found: 1, removed: 1, left: [] });
    expect(own.filter((path) => world.has(path))).toEqual([]);
    expect(world.has("var/spool/cron/atjobs/a0000202")).toBe(true);
  });

  const answers = (...results: { found: number; removed: number; left: string[]; unseen: string[] }[]) => {
    const asked: boolean[] = [];
    const sweepFiles = (_paths: readonly string[], _uid: number, remove: boolean) => {
      const result = results[asked.push(remove) - 1];
      return result === undefined ? Promise.reject(new Error("asked too often")) : Promise.resolve(result);
    };
    return { asked, sweepFiles };
  };

  it("is searched again, and what the second look finds is left", async () => {
    const { asked, sweepFiles } = answers(
      { found: 3, removed: 3, left: ["/tmp/a: EPERM"], unseen: [] },
      { found: 1, removed: 0, left: ["/tmp/b"], unseen: [] },
    );
    expect(await sweepTrees({ sweepFiles }, ["/tmp"], uid)).toEqual({ found: 3, removed: 3, left: ["/tmp/b"] });
    expect(asked).toEqual([true, false]);
  });

  it("is reported as incomplete where the second look is", async () => {
    const nothing = { found: 0, removed: 0, left: [], unseen: [] };
    const partly = answers({ ...nothing, unseen: ["/tmp", "/var/tmp"] }, { ...nothing, unseen: ["/tmp"] });
    expect(await sweepTrees(partly, ["/tmp", "/var/tmp"], uid)).toEqual({
      found: 0,
      removed: 0,
      left: [],
      unseen: ["/tmp"],
    });
  });

  it("is not clean where nothing names what is left", async () => {
    const nothing = { found: 0, removed: 0, left: [], unseen: [] };
    const mute = answers(nothing, { ...nothing, found: 2 });
    expect(await sweepTrees(mute, ["/tmp"], uid)).toEqual({
      found: 2,
      removed: 0,
      left: ["2 files of the account are still there"],
    });
  });

  it("is unknown where the addon fails", async () => {
    await expect(sweepTrees(answers(), ["/tmp"], uid)).rejects.toThrow("asked too often");
  });
});

describe("core dumps of an account's processes", () => {
  const BOOT = "0123456789abcdef0123456789abcdef";
  const dump = (name: string) => world.file(`var/lib/systemd/coredump/${name}`, 0);
  const OWN = [
    `core.sh.${uid}.${BOOT}.500.1700000000000000.zst`,
    `core..${uid}.${BOOT}.500.1700000000000000`,
    `.#core.sh.${uid}.${BOOT}.500.17000000000000000123456789abcdef`,
  ];
  const OTHERS = [
    `core.sh.${uid}1.${BOOT}.500.1700000000000000.zst`,
    // A process can have any name. systemd writes its dots as \x2e.
    `core.core\\x2e${uid}\\x2e${BOOT}.4711.${BOOT}.500.1700000000000000`,
    `core.4711.${BOOT}.${uid}.1700000000000000`,
    `core.sh.4711.${BOOT}.${uid}.1700000000000000`,
    `core.a.b.${uid}.${BOOT}.500.1700000000000000`,
    `old.core.sh.${uid}.${BOOT}.500.1700000000000000`,
    "README",
  ];

  it("are removed, and no others", async () => {
    for (const name of [...OWN, ...OTHERS]) dump(name);
    expect(await sweepCoredumps(world.root, uid, "remove")).toEqual({ found: 3, removed: 3, left: [] });
    expect(OTHERS.filter((name) => !world.has(`var/lib/systemd/coredump/${name}`))).toEqual([]);
  });

  it("are only counted where they are to be kept", async () => {
    for (const name of OWN) dump(name);
    expect(await sweepCoredumps(world.root, uid, "keep")).toEqual({ found: 3, removed: 0, left: [] });
    expect(OWN.every((name) => world.has(`var/lib/systemd/coredump/${name}`))).toBe(true);
  });

  it("that cannot be removed are left", async () => {
    world.directory(`var/lib/systemd/coredump/${OWN[0] ?? ""}`);
    const { removed, left } = await sweepCoredumps(world.root, uid, "remove");
    expect({ removed, left }).toEqual({
      removed: 0,
      left: [expect.stringMatching(/^the dump core\.sh\.\d+\.[0-9a-f]{32}\..* is still there: E(ISDIR|PERM)$/)],
    });
  });

  it("are none without systemd-coredump, and unknown where its directory cannot be read", async () => {
    expect(await sweepCoredumps(world.root, uid, "remove")).toEqual(CLEAN);
    world.link("var/lib/systemd/coredump", "coredump");
    await expect(sweepCoredumps(world.root, uid, "keep")).rejects.toThrow("ELOOP");
  });
});
