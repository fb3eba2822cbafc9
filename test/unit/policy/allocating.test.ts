import { describe, expect, it } from "vitest";
import type { Effect } from "../../../src/policy/effects.ts";
import { ALLOCATING, ENDING_LEASED } from "../../helpers/stages.ts";
import type { State } from "../../../src/policy/state.ts";
import { INITIAL_STATE } from "../../../src/policy/state.ts";
import {
  after,
  allocated,
  configure,
  find,
  interrupt,
  kinds,
  leasedOpen,
  leasedOpened,
  only,
  opened,
  READY,
  recordFound,
  recordOf,
  happen,
  withKept,
} from "../../helpers/play.ts";
import { allocateRequest, configOf, LEASED } from "../../helpers/samples.ts";

const withLines = (...lines: string[]): State => configure(READY, "[Guests]", ...lines);

const foreign = (owner: string) => ({ reason: `it belongs to ${owner}`, user: "", foreign: true });

/** UIDs below `free` belong to users of this machine. */
const takenBelow = (free: number) => (effect: Effect) =>
  effect.kind === "publish-account" && effect.account.uid < free
    ? { taken: `user${effect.account.uid}`, homeExists: false }
    : undefined;

/** The first accounts' homes exist already. */
function homesOf(count: number) {
  let left = count;
  return (effect: Effect) =>
    effect.kind === "publish-account" && left-- > 0 ? { taken: undefined, homeExists: true } : undefined;
}

describe("AllocateAccount leases no account", () => {
  const refusal = (state: State, change = {}) => {
    const next = happen(state, allocateRequest(change));
    expect(kinds(next.effects)).toEqual(["refuse"]);
    expect(next.state).toEqual(state);
    return find(next.effects, "refuse");
  };

  it("while the configuration has errors", () => {
    expect(refusal(INITIAL_STATE)).toMatchObject({
      call: 1,
      code: "Refused",
      reason: expect.stringContaining("errors") as string,
    });
  });

  it("when Enabled=no", () => {
    expect(refusal(withLines("Enabled=no"))?.reason).toContain("switched off");
  });

  it("when the switch is off, and returns the reason", () => {
    expect(refusal({ ...READY, loginSwitch: { enabled: false, reason: "an examination" } })?.reason).toContain(
      "switched off on this machine: an examination.",
    );
    expect(refusal({ ...INITIAL_STATE, config: configOf() })?.reason).toContain("switched off");
  });

  it("when the group of guests does not exist", () => {
    expect(refusal(READY, { gid: undefined })?.reason).toContain("group guests does not exist");
  });

  it("when all sessions are taken", () => {
    const full = { ...opened(), config: configOf("[Guests]", "MaxSessions=1") };
    expect(refusal(full, { id: "s2", leaderPid: 600 })?.reason).toContain("as many guests");
  });

  it("when the range is used up by sessions and quarantined UIDs", () => {
    const used = configure(leasedOpened(), "[Guests]", "LeaseRange=60600-60601");
    const quarantined = new Map([[60601, { reason: "process 7", user: "guest-bbbb" }]]);
    expect(refusal(withKept(used, [], quarantined), { id: "s2", leaderPid: 600 })?.reason).toContain(
      "All guest accounts",
    );
  });

  it("when no UID of the range exists on this machine, and refers the guest to the administrator", () => {
    const uidMap = [{ first: 0, last: 60_599 }];
    expect(refusal({ ...READY, uidMap })?.reason).toMatch(/lacks the UIDs .* ask the administrator/);
  });

  it.each(ALLOCATING)("to a leader that asks again while its account is being created (%s)", (until) => {
    const { state } = after(READY, allocateRequest(), { until });
    for (const user of ["guest", "guest1", LEASED.user])
      expect(refusal(state, { id: "s2", call: 7, user })).toMatchObject({
        call: 7,
        code: "Refused",
        reason: expect.stringContaining("already") as string,
      });
    expect(kinds(happen(state, allocateRequest({ id: "s2", leaderPid: 501 })).effects)).toEqual(["watch-leader"]);
  });

  it.each([
    ["ignored", { user: "guest1" }],
    ["ignored", { tty: "pts/0" }],
    ["ignored", { tty: "" }],
    ["ignored", { rhost: "192.0.2.1" }],
    ["ignored", { service: "sshd" }],
    ["unlocked", { user: LEASED.user, service: "gdm-password", leaderPid: 800 }],
  ])("where the verdict is %s, for %j", (verdict, change) => {
    const { state, effects } = happen(leasedOpened(), allocateRequest({ id: "s2", call: 5, ...change }));
    expect(effects).toMatchObject([
      { kind: "answer", call: 5, answer: { kind: "allocated", allocation: { verdict } } },
    ]);
    expect(find(effects, "answer")).not.toHaveProperty("answer.allocation.user");
    expect(state).toEqual(leasedOpened());
  });
});

describe("AllocateAccount", () => {
  it("runs its stages in order, and then waits for the login", () => {
    const { state, did } = after(READY, allocateRequest());
    expect(kinds(did)).toEqual([...ALLOCATING]);
    expect(find(did, "write-record")?.saved).toMatchObject({ phase: "allocated", account: LEASED, leased: true });
    expect(find(did, "publish-account")?.account).toEqual(LEASED);
    expect(find(did, "answer")).toMatchObject({
      call: 1,
      answer: { kind: "allocated", allocation: { verdict: "leased", user: LEASED.user } },
    });
    expect(only(state)).toMatchObject({
      id: "s1",
      phase: "allocated",
      leader: { pid: 500, startTime: 42 },
      account: LEASED,
    });
  });

  it("creates the account as configured", () => {
    const state = withLines("LeaseRange=60700-60710", "Shell=/bin/sh", "GhostName=Visitor");
    const made = { uid: 60700, gid: 7, shell: "/bin/sh", user: "guest-aaaa", realName: "Visitor aaaa" };
    expect(only(after(state, allocateRequest({ gid: 7 })).state).account).toMatchObject(made);
  });

  it("takes the UID that has rested longest, which then rests no more", () => {
    const rested = withKept(withLines("LeaseRange=60600-60602"), [60602, 60600, 60601]);
    const { state } = happen(rested, allocateRequest());
    expect(only(state).account.uid).toBe(60602);
    expect(state.pool.rested).toEqual([60600, 60601]);
  });

  it("watches the calling process by its bus name", () => {
    expect(happen(READY, allocateRequest()).effects).toMatchObject([
      { kind: "watch-leader", pid: 500, busName: ":1.9" },
    ]);
  });

  it("leases a leader that asks twice the same account", () => {
    const { state, effects } = happen(allocated(), allocateRequest({ id: "s2", call: 7, random: 99 }));
    expect(effects).toMatchObject([
      { kind: "answer", call: 7, answer: { kind: "allocated", allocation: { verdict: "leased", user: LEASED.user } } },
    ]);
    expect(state).toEqual(allocated());
  });

  it("leases another leader another account", () => {
    const { state } = after(allocated(), allocateRequest({ id: "s2", leaderPid: 501 }));
    const [first, second] = [...state.sessions.values()].map(({ account }) => account);
    expect(second?.uid).not.toBe(first?.uid);
    expect(second?.user).not.toBe(first?.user);
  });

  it("never leases the same UID or name twice at once, even by the same random number", () => {
    let state = withLines("LeaseRange=60600-60604");
    for (let index = 0; index < 5; index++)
      state = happen(state, allocateRequest({ id: `s${index}`, leaderPid: 500 + index, random: 31 })).state;
    const accounts = [...state.sessions.values()].map(({ account }) => account);
    expect(new Set(accounts.map(({ uid }) => uid)).size).toBe(5);
    expect(new Set(accounts.map(({ user }) => user)).size).toBe(5);
    expect(happen(state, allocateRequest({ id: "s5", leaderPid: 600 })).effects).toMatchObject([
      { kind: "refuse", reason: expect.stringContaining("All guest accounts") as string },
    ]);
  });

  it("does not count an account that waits for its login, perhaps at an unattended greeter", () => {
    const state = { ...allocated(), config: configOf("[Guests]", "MaxSessions=1") };
    expect(happen(state, allocateRequest({ id: "s2", leaderPid: 501 })).effects).toMatchObject([
      { kind: "watch-leader" },
    ]);
  });
});

describe("a UID or name that is taken on this machine", () => {
  it("is left alone: the next one is tried, and saved", () => {
    const { state, did } = after(READY, allocateRequest(), { found: takenBelow(60602) });
    const tried = ["write-record", "enter-ledger", "publish-account"];
    expect(kinds(did)).toEqual(["watch-leader", ...tried, ...tried, ...tried, "answer"]);
    const { account } = only(state);
    expect(account.uid).toBe(60602);
    expect(did.filter(({ kind }) => kind === "write-record").at(-1)).toMatchObject({ saved: { account } });
    expect(did.filter(({ kind }) => kind === "enter-ledger").at(-1)).toMatchObject({
      saved: { account, phase: "allocated" },
    });
    expect(find(did, "answer")).toMatchObject({ answer: { allocation: { verdict: "leased", user: account.user } } });
  });

  it("is not tried again for the next guest", () => {
    const { state } = after(READY, allocateRequest(), { found: takenBelow(60602) });
    expect([...state.pool.quarantined]).toEqual([
      [60600, foreign("user60600")],
      [60601, foreign("user60601")],
    ]);
    const next = happen(state, allocateRequest({ id: "s2", leaderPid: 501 })).state;
    expect([...next.sessions.values()].map(({ account }) => account.uid)).toEqual([60602, 60603]);
  });

  it("is a refusal, and no loop, when the whole range is taken", () => {
    const { state, did } = after(withLines("LeaseRange=60600-60603"), allocateRequest(), {
      found: takenBelow(60604),
    });
    expect(did.filter(({ kind }) => kind === "publish-account")).toHaveLength(4);
    expect(find(did, "refuse")).toMatchObject({
      call: 1,
      code: "Refused",
      reason: expect.stringContaining("All guest accounts") as string,
    });
    expect(find(did, "answer")).toBeUndefined();
    expect(state.sessions.size).toBe(0);
    expect([...state.pool.quarantined.keys()]).toEqual([60600, 60601, 60602, 60603]);
  });

  it("costs a login few attempts, even where a directory has thousands of the first UIDs, and the next logins, too", () => {
    let state = withLines("LeaseRange=65536-98303");
    for (let login = 0; login < 5; login++) {
      const request = allocateRequest({ id: `s${login}`, leaderPid: 600 + login, leaderName: `:1.${login}` });
      const next = after(state, request, { found: takenBelow(75_536) });
      expect(find(next.did, "answer")).toMatchObject({ answer: { allocation: { verdict: "leased" } } });
      expect(next.did.filter(({ kind }) => kind === "publish-account").length).toBeLessThan(10);
      state = next.state;
    }
  });

  it("is quarantined and does not rest when the login that tried it is over", () => {
    const lines = withLines("LeaseRange=60600-60601");
    const { state } = after(withKept(lines, [60601]), allocateRequest(), {
      found: takenBelow(60602),
    });
    expect(state.pool).toEqual({
      unused: [],
      rested: [],
      quarantined: new Map([
        [60600, foreign("user60600")],
        [60601, foreign("user60601")],
      ]),
    });
  });

  it("is a refusal when there is no configuration any more", () => {
    const before = after(READY, allocateRequest(), { until: "publish-account" });
    const { did } = interrupt(
      { ...before, state: { ...before.state, config: undefined } },
      { kind: "tick", uptime: 0 },
      { found: takenBelow(60602) },
    );
    expect(find(did, "refuse")).toMatchObject({ call: 1 });
  });
});

describe("a name whose home exists on the machine", () => {
  it("is not taken: the same UID gets another name, and that one is saved", () => {
    const { state, did } = after(READY, allocateRequest(), { found: homesOf(2) });
    const tried = did.flatMap((effect) => (effect.kind === "publish-account" ? [effect.account] : []));
    expect(new Set(tried.map(({ user }) => user)).size).toBe(3);
    expect(tried.map(({ uid, user, home }) => [uid, home === `/home/${user}`])).toEqual(
      Array(3).fill([LEASED.uid, true]),
    );
    const { account, published } = only(state);
    expect({ account, published }).toEqual({ account: tried[2], published: true });
    expect(did.filter(({ kind }) => kind === "enter-ledger").at(-1)).toMatchObject({ saved: { account } });
    expect(find(did, "answer")).toMatchObject({ answer: { allocation: { verdict: "leased", user: account.user } } });
    expect(only(state)).not.toHaveProperty("refusedNames");
    expect(state.pool.quarantined.size).toBe(0);
  });

  it("is a refusal the third time, and nothing in the home is removed", () => {
    const { state, did } = after(READY, allocateRequest(), { found: homesOf(3) });
    expect(did.filter(({ kind }) => kind === "publish-account")).toHaveLength(3);
    expect(find(did, "refuse")).toMatchObject({
      code: "Refused",
      reason: expect.stringContaining("could not be started") as string,
    });
    expect(kinds(did)).not.toContain("sweep-account");
    expect(state.sessions.size).toBe(0);
    expect(state.pool.rested).toEqual([LEASED.uid]);
  });

  it("counts across UIDs that are taken", () => {
    const homes = homesOf(1);
    const found = (effect: Effect) => homes(effect) ?? takenBelow(60602)(effect);
    const { state, did } = after(READY, allocateRequest(), { found });
    const tried = did.flatMap((effect) => (effect.kind === "publish-account" ? [effect.account.uid] : []));
    expect(tried).toEqual([60600, 60600, 60601, 60602]);
    expect(only(state).account.uid).toBe(60602);
  });
});

describe("a lease that fails", () => {
  it.each(ALLOCATING)("at %s refuses the login and withdraws the account", (kind) => {
    const { state, did } = after(READY, allocateRequest(), { failing: [kind] });
    expect(find(did, "refuse")).toMatchObject({ call: 1, code: "Refused" });
    expect(find(did, "refuse")?.reason).not.toContain("boom");
    expect(find(did, "announce-closed")?.receipt).toMatchObject({
      uid: LEASED.uid,
      leased: true,
      cause: "never-opened",
      left: [],
    });
    expect(kinds(did)).toEqual(expect.arrayContaining(["drop-view", "remove-record", "withdraw-account"]));
    expect(find(did, "remove-record")).toMatchObject({ lease: { quarantine: undefined } });
    expect(kinds(did).slice(-2)).toEqual(["announce-closed", "remove-record"]);
    expect(state.sessions.size).toBe(0);
    expect(state.pool.rested).toEqual([LEASED.uid]);
  });

  it.each(ALLOCATING)("because the leader ends during %s withdraws the account", (kind) => {
    const { state, did } = interrupt(after(READY, allocateRequest(), { until: kind }), {
      kind: "leader-exited",
      id: "s1",
    });
    expect(kinds(did).slice(-ENDING_LEASED.length)).toEqual([...ENDING_LEASED]);
    expect(state.sessions.size).toBe(0);
    expect(state.pool.rested).toEqual([LEASED.uid]);
  });

  it("because an administrator ends it says so to the guest", () => {
    const { state, did } = interrupt(after(READY, allocateRequest(), { until: "publish-account" }), {
      kind: "end-requested",
      id: "s1",
      call: 9,
    });
    expect(did.at(-1)).toMatchObject({
      kind: "answer",
      call: 9,
      answer: { kind: "ended", receipt: { cause: "ended-by-admin" } },
    });
    expect(state.sessions.size).toBe(0);
  });
});

describe("the end of an account that was not created", () => {
  const harmful = ["stop-manager", "kill-processes", "terminate-user"];
  const harm = (did: readonly Effect[]) => kinds(did).filter((kind) => harmful.includes(kind));

  it.each(["watch-leader", "write-record", "publish-account"] as const)(
    "at %s ends nothing of the user who has its UID",
    (kind) => {
      expect(harm(after(READY, allocateRequest(), { failing: [kind] }).did)).toEqual([]);
    },
  );

  it("because all are taken ends nothing of their users", () => {
    expect(
      harm(after(withLines("LeaseRange=60600-60601"), allocateRequest(), { found: takenBelow(60602) }).did),
    ).toEqual([]);
  });

  it("but was created after all includes all of its user", () => {
    const { did } = after(READY, allocateRequest(), { failing: ["answer"] });
    expect(harm(did)).toEqual(harmful);
    const { state } = after(READY, allocateRequest(), { found: takenBelow(60602) });
    expect(harm(after(state, { kind: "leader-exited", id: "s1" }).did)).toEqual(harmful);
  });

  it("of an earlier guestd, whose leader is gone, says that no login used it", () => {
    const { did, state } = after(READY, recordFound(only(allocated())), { failing: ["take-up-session"] });
    expect(find(did, "announce-closed")?.receipt).toMatchObject({ cause: "never-opened", left: [] });
    expect(state.sessions.size).toBe(0);
  });

  it("of an earlier guestd stops only what is known to be its own", () => {
    const before = after(READY, allocateRequest(), { until: "publish-account" }).did;
    const session = find(before, "write-record")?.saved ?? recordOf(only(allocated()));
    const end = (published: boolean) =>
      harm(after(READY, recordFound({ ...session, published }), { failing: ["take-up-session"] }).did);
    expect(end(true)).toEqual(harmful);
    expect(end(false)).toEqual([]);
  });
});

describe("an account whose leader opens a session", () => {
  it("does not go back during the opening, however long that takes", () => {
    const { state } = after(allocated(), leasedOpen(), { until: "build-view" });
    expect(happen(state, { kind: "tick", uptime: 1e12 }).effects).toEqual([]);
  });
});
