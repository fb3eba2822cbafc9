import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Swept } from "../../../../src/policy/receipt.ts";
import { ACCOUNT_KINDS } from "../../../../src/policy/receipt.ts";
import type { Looks } from "../../../../src/system/processes/looks.ts";
import type { SearchMembers } from "../../../../src/system/processes/member-search.ts";
import type { SweepBindings } from "../../../../src/system/sweep/items.ts";
import { Sweeper } from "../../../../src/system/sweep/sweep.ts";
import { configOf } from "../../../helpers/samples.ts";
import { failure, GUEST_UID, OWNER, SweepWorld } from "../../../helpers/sweep.ts";

const LONG_MS = 10_000;
const SHORT_MS = 50;

let world: SweepWorld;
beforeEach(() => {
  world = new SweepWorld();
  world.file("proc/self/mountinfo");
  world.directory("tmp");
});
afterEach(() => world.remove());

const settings = (...lines: string[]) =>
  configOf("[Sweep]", "Paths=", `Paths=${world.at("tmp")} ${world.at("missing")}`, ...lines).Sweep;

function sweep(
  change: {
    account?: typeof OWNER | { user: string; uid: number };
    bindings?: Partial<SweepBindings>;
    search?: SearchMembers;
    /** Replaces `search` for one sweep. */
    apart?: SearchMembers;
    keys?: Promise<string>;
    unmount?: (path: string) => Promise<void>;
    mediaLimitMs?: number;
    limitMs?: number;
  } = {},
): Promise<readonly Swept[]> {
  const machine = {
    root: world.root,
    runKeys: () => change.keys ?? Promise.resolve("0 0 0"),
    unmountMedium: change.unmount ?? never,
    limitMs: change.limitMs ?? LONG_MS,
    keysLimitMs: 10,
    mediaLimitMs: change.mediaLimitMs ?? LONG_MS,
    dumpsLimitMs: 10,
  };
  const looks = looksOf(change.search ?? world.search);
  const sweeper = new Sweeper({ ...PARTS, bindings: { ...world.bindings, ...change.bindings }, looks }, machine);
  return sweeper.sweep(
    change.account ?? OWNER,
    settings(),
    change.apart === undefined ? undefined : looksOf(change.apart),
  );
}

const find = (swept: readonly Swept[], kind: string) => swept.find((one) => one.kind === kind);
const dirty = (swept: readonly Swept[]) => swept.filter(({ left }) => left.length > 0).map(({ kind }) => kind);
/** No process holds anything. */
const looksOf = (searchMembers: SearchMembers): Looks => ({
  searchMembers,
  searchHolders: () => Promise.resolve({ files: [], mounts: [], unread: [], unseen: [], whole: true }),
});
const PARTS = { reloadConnections: () => Promise.resolve(), forgetPairing: () => Promise.resolve() };
const never = () => new Promise<never>(() => undefined);

describe("a sweep", () => {
  it.each([
    { user: "root", uid: 0 },
    { user: "guest-aaaa", uid: 0 },
    { user: "guest-aaaa", uid: 999 },
    { user: "guest-aaaa", uid: 65_534 },
    { user: "guest-aaaa", uid: 1000.5 },
    { user: "guest-aaaa", uid: NaN },
    { user: "guest-aaaa", uid: 2 ** 32 + 60_600 },
    { user: "", uid: 60_600 },
    { user: "..", uid: 60_600 },
    { user: "../shadow", uid: 60_600 },
    { user: "a/b", uid: 60_600 },
    { user: "a\n", uid: 60_600 },
  ])("touches nothing for $user with the UID $uid", async (account) => {
    world.file("var/lib/systemd/linger/root", 0);
    world.file(`var/mail/${account.user === "" ? "x" : "root"}`, 0);
    const asked: unknown[] = [];
    const bindings = {
      sweepFiles: (...args: unknown[]) => (asked.push(args), never()),
      openQueues: () => asked.push("queues"),
      removeIpc: () => asked.push("ipc"),
    };
    const swept = await sweep({ account, bindings });
    expect(swept.map(({ left }) => left)).toEqual(
      Array(16).fill(["could not be looked at: no account of a guest has this name and uid"]),
    );
    expect(asked).toEqual([]);
    expect(world.has("var/lib/systemd/linger/root")).toBe(true);
  });

  it("reports on each class, in a fixed order, and that all are clean", async () => {
    const swept = await sweep();
    expect(swept.map(({ kind }) => kind)).toEqual(["processes", ...ACCOUNT_KINDS]);
    expect(dirty(swept)).toEqual([]);
  });

  it("removes what each class finds", async () => {
    world.file("tmp/x", GUEST_UID);
    world.ipc("shm", { id: 3, uid: GUEST_UID, cuid: GUEST_UID });
    world.file("queues/q", GUEST_UID);
    const paths = ["var/spool/cron/crontabs", "var/lib/systemd/linger", "var/mail", "run/faillock"].map(
      (path) => `${path}/${OWNER.user}`,
    );
    for (const path of paths) world.file(path);
    world.directory(`home/${OWNER.user}`, GUEST_UID);
    world.file(`var/lib/systemd/coredump/core.sh.${GUEST_UID}.${"0".repeat(32)}.1.1`);
    const swept = await sweep();
    expect(dirty(swept)).toEqual([]);
    expect(Object.fromEntries(swept.map(({ kind, removed }) => [kind, removed]))).toMatchObject({
      ipc: 1,
      queues: 1,
      linger: 1,
      runtime: 1,
      home: 1,
      files: 1,
      coredumps: 1,
    });
    expect([...paths, `home/${OWNER.user}`].filter((path) => world.has(path))).toEqual([]);
    expect(await sweep()).toEqual(swept.map(({ kind }) => ({ kind, found: 0, removed: 0, left: [] })));
  });

  it("looks for processes last, to see a job that started in between", async () => {
    const sweepFiles: SweepBindings["sweepFiles"] = (...args) => {
      world.process(7, `${GUEST_UID}\t${GUEST_UID}\t${GUEST_UID}\t${GUEST_UID}`);
      return world.bindings.sweepFiles(...args);
    };
    expect((await sweep({ bindings: { sweepFiles } }))[0]).toEqual({
      kind: "processes",
      found: 1,
      removed: 0,
      left: ["process 7 (sh) runs as the account"],
    });
  });

  it("waits for the look at processes as long as that takes, since many sweeps may share one", async () => {
    // Exceeds each class's time.
    const search: SearchMembers = (criteria) => setTimeout(SHORT_MS).then(() => world.search(criteria));
    const [processes] = await sweep({ search, limitMs: 1 });
    expect(processes).toEqual({ kind: "processes", found: 0, removed: 0, left: [] });
  });

  it("does not wait for the shared look where it has its own", async () => {
    const [processes] = await sweep({ search: never, apart: world.search });
    expect(processes).toEqual({ kind: "processes", found: 0, removed: 0, left: [] });
  });

  it("reports that processes could not be looked at where no look is possible", async () => {
    const swept = await sweep({ search: () => Promise.reject(failure("EAGAIN")) });
    expect(swept[0]?.left).toEqual(["could not be looked at: EAGAIN: the test says so"]);
    expect(dirty(swept)).toEqual(["processes"]);
  });

  it("continues when a class cannot be searched, and never rejects", async () => {
    const openQueues = () => {
      throw failure("EIO");
    };
    const swept = await sweep({ bindings: { sweepFiles: () => Promise.reject(failure("EMFILE")), openQueues } });
    expect(find(swept, "queues")).toEqual({
      kind: "queues",
      found: 0,
      removed: 0,
      left: ["could not be looked at: EIO: the test says so"],
    });
    expect(find(swept, "files")?.left).toEqual(["could not be looked at: EMFILE: the test says so"]);
    expect(find(swept, "linger")?.left).toEqual([]);
  });

  it("ends when a class does not", async () => {
    world.file("proc/key-users", undefined, `${GUEST_UID}: 1 1/1 1/200 1/20000\n`);
    const swept = await sweep({ bindings: { sweepFiles: never }, keys: never(), limitMs: SHORT_MS });
    expect(find(swept, "files")?.left).toEqual(["could not be looked at: not done after 0.05 s"]);
    expect(dirty(swept)).toContain("keys");
  });

  it("unmounts media before it searches udisks' directory, with a time limit of their own", async () => {
    world.directory(`media/${OWNER.user}/STICK`);
    world.file("proc/self/mountinfo", undefined, `7 1 8:1 / ${world.at(`media/${OWNER.user}/STICK`)} rw - vfat x rw\n`);
    // Long enough for the other classes, also on a busy machine.
    const limitMs = 10 * SHORT_MS;
    const unmount = () => setTimeout(limitMs + SHORT_MS).then(() => (world.file("proc/self/mountinfo"), undefined));
    const swept = await sweep({ unmount, limitMs });
    expect([find(swept, "media"), find(swept, "runtime")]).toEqual([
      { kind: "media", found: 1, removed: 1, left: [] },
      { kind: "runtime", found: 1, removed: 1, left: [] },
    ]);
  });

  it("waits for a medium only until that limit", async () => {
    world.directory(`media/${OWNER.user}/STICK`);
    world.file("proc/self/mountinfo", undefined, `7 1 8:1 / ${world.at(`media/${OWNER.user}/STICK`)} rw - vfat x rw\n`);
    const swept = await sweep({ mediaLimitMs: SHORT_MS });
    expect(find(swept, "media")?.left).toEqual(["could not be looked at: not done after 0.05 s"]);
    expect(find(swept, "runtime")?.left).toEqual([`${world.at(`media/${OWNER.user}`)} is still there: ENOTEMPTY`]);
  });

  it("skips a class while an earlier search for the same UID still runs", async () => {
    const ends: ((result: { found: number; removed: number; left: string[]; unseen: string[] }) => void)[] = [];
    const machine = {
      root: world.root,
      runKeys: () => Promise.resolve("0 0 0"),
      unmountMedium: never,
      limitMs: SHORT_MS,
      keysLimitMs: 10,
      mediaLimitMs: LONG_MS,
      dumpsLimitMs: 10,
    };
    let asked = 0;
    const sweepFiles: SweepBindings["sweepFiles"] = (...args) => {
      const isOfFiles = args[1] === GUEST_UID && args[0].includes(world.at("tmp"));
      if (!isOfFiles || asked++ > 0) return world.bindings.sweepFiles(...args);
      return new Promise((resolve) => ends.push(resolve));
    };
    const sweeper = new Sweeper(
      { ...PARTS, bindings: { ...world.bindings, sweepFiles }, looks: looksOf(world.search) },
      machine,
    );
    const files = async (account: { user: string; uid: number } = OWNER) =>
      find(await sweeper.sweep(account, settings()), "files")?.left;
    expect(await files()).toEqual(["could not be looked at: not done after 0.05 s"]);
    const before = asked;
    for (let times = 0; times < 2; times++)
      expect(await files()).toEqual(["could not be looked at: an earlier look is not done"]);
    expect(asked).toBe(before);
    expect(await files({ user: "guest-bbbb", uid: GUEST_UID + 1 })).toEqual([]);
    for (const end of ends) end({ found: 0, removed: 0, left: [], unseen: [] });
    await expect.poll(() => files()).toEqual([]);
  });

  it("skips no class whose earlier search has ended, even late and with an error", async () => {
    const fail: ((reason: Error) => void)[] = [];
    const machine = {
      root: world.root,
      runKeys: () => Promise.resolve("0 0 0"),
      unmountMedium: never,
      limitMs: SHORT_MS,
      keysLimitMs: 10,
      mediaLimitMs: LONG_MS,
      dumpsLimitMs: 10,
    };
    const sweepFiles: SweepBindings["sweepFiles"] = () => new Promise((_, reject) => fail.push(reject));
    const sweeper = new Sweeper(
      { ...PARTS, bindings: { ...world.bindings, sweepFiles }, looks: looksOf(world.search) },
      machine,
    );
    const files = async () => find(await sweeper.sweep(OWNER, settings()), "files")?.left;
    for (let times = 0; times < 2; times++) {
      expect(await files()).toEqual(["could not be looked at: not done after 0.05 s"]);
      for (const end of fail) end(new Error("EIO"));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it("reports what is left shortly and plainly, however much it is and whatever it is named", async () => {
    const left = Array.from({ length: 100 }, (_, index) => `${index}\n\u202e${"x".repeat(5000)}`);
    const sweepFiles = () => Promise.resolve({ found: 100, removed: 0, left, unseen: [] });
    const said = find(await sweep({ bindings: { sweepFiles } }), "files")?.left ?? [];
    expect(said).toHaveLength(21);
    expect(said.every((sentence) => /^[ -~]{1,300}$/.test(sentence))).toBe(true);
    const reason = new Error(`EIO \n${"y".repeat(5000)}`);
    const failed = find(await sweep({ bindings: { sweepFiles: () => Promise.reject(reason) } }), "files")?.left ?? [];
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatch(/^could not be looked at: EIO \\x0ay{1,270}$/);
  });
});
