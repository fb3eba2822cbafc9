import { describe, expect, it } from "vitest";
import type { Effect, EffectKind } from "../../../src/policy/effects.ts";
import { ACCOUNT_KINDS } from "../../../src/policy/receipt.ts";
import type { Open } from "../../../src/policy/session.ts";
import { subjectOf } from "../../../src/policy/subject.ts";
import { ALLOCATING, ENDING, ENDING_LEASED, OPENING } from "../../helpers/stages.ts";
import type { State } from "../../../src/policy/state.ts";
import {
  after,
  allocated,
  clean,
  configure,
  done,
  failed,
  find,
  interrupt,
  kinds,
  LATER,
  leasedOpen,
  leasedOpened,
  only,
  onlyEnding,
  opened,
  play,
  READY,
  sessionSubject,
  happen,
} from "../../helpers/play.ts";
import { allocateRequest, CGROUP, LEASED, openRequest, SLICE, VIEW } from "../../helpers/samples.ts";

/** Classes that are not searched when this stage fails. */
const UNSEEN: Partial<Record<EffectKind, readonly string[]>> = {
  "kill-processes": ["processes"],
  "drop-view": ["mounts", "open-files"],
  "sweep-account": ACCOUNT_KINDS,
};
const leftBy = (kind: EffectKind) => [
  `${kind}: boom`,
  ...(UNSEEN[kind] ?? []).map((unseen) => `${unseen}: not checked`),
];

/** logind moves a leader there. */
const LOGIN = { path: "/user.slice/user-1101.slice/session-1.scope", inode: "4712" };

describe("ending a session of a shared account", () => {
  it("runs its stages in order and forgets it", () => {
    const { state, did } = after(opened(), { kind: "leader-exited", id: "s1" });
    expect(kinds(did)).toEqual([...ENDING]);
    expect(find(did, "announce-closed")?.receipt).toMatchObject({
      id: "s1",
      cause: "leader-exited",
      processesKilled: 3,
      left: [],
      openedAt: 1_000,
      closedAt: 2_000,
    });
    expect(state.sessions.size).toBe(0);
  });

  it("counts as found what was running when it began, whatever ends that", () => {
    const { did } = after(opened(), { kind: "leader-exited", id: "s1" });
    expect(find(did, "count-processes")?.cgroups).toEqual(find(did, "kill-processes")?.cgroups);
    expect(find(did, "kill-processes")?.running).toEqual([501, 502]);
  });

  it("counts what was running when PAM closed it, except the leader, since logind may kill first", () => {
    const hinted = after(opened(), { kind: "close-hinted", id: "s1", leaderPid: 500, running: [500, 502, 503] });
    const { did } = after(hinted.state, { kind: "leader-exited", id: "s1" });
    expect(find(did, "kill-processes")?.running).toEqual([502, 503, 501]);
  });

  it.each(ENDING.slice(0, -2))("continues when %s fails, and its receipt is not clean", (kind) => {
    const { state, did } = after(opened(), { kind: "leader-exited", id: "s1" }, { failing: [kind] });
    expect(kinds(did)).toEqual([...ENDING]);
    expect(find(did, "announce-closed")?.receipt.left).toEqual(leftBy(kind));
    expect(state.sessions.size).toBe(0);
  });

  it("has the cause logout when PAM closed it before", () => {
    const hinted = after(opened(), { kind: "close-hinted", id: "s1", leaderPid: 500, running: [] });
    expect(kinds(hinted.did)).toEqual(["note-close"]);
    const { did } = after(hinted.state, { kind: "leader-exited", id: "s1" });
    expect(find(did, "announce-closed")?.receipt.cause).toBe("logout");
  });

  it("ignores a hint from another process than the leader", () => {
    expect(happen(opened(), { kind: "close-hinted", id: "s1", leaderPid: 501, running: [] }).effects).toEqual([]);
  });

  it("returns the receipt to every caller that asked", () => {
    const first = happen(opened(), { kind: "end-requested", id: "s1", call: 8 });
    const second = happen(first.state, { kind: "end-requested", id: "s1", call: 9 });
    const { did } = play({ state: second.state, effects: [...first.effects, ...second.effects] });
    const answers = did.filter((effect) => effect.kind === "answer");
    expect(answers).toEqual([expect.objectContaining({ call: 8 }), expect.objectContaining({ call: 9 })]);
    expect(answers[0]).toMatchObject({ answer: { kind: "ended", receipt: { cause: "ended-by-admin" } } });
  });

  it("starts once, however often it is asked for", () => {
    const first = happen(opened(), { kind: "leader-exited", id: "s1" });
    expect(happen(first.state, { kind: "leader-exited", id: "s1" }).effects).toEqual([]);
  });

  it("is refused with the id of an unknown session", () => {
    expect(happen(READY, { kind: "end-requested", id: "nope", call: 3 }).effects).toEqual([
      expect.objectContaining({
        kind: "refuse",
        call: 3,
        code: "NoSuchSession",
        reason: expect.stringContaining("nope") as string,
      }),
    ]);
  });

  it("of one guest does not touch another", () => {
    const two = after(opened(), openRequest({ id: "s2", call: 2, leaderPid: 600 })).state;
    const { state } = after(two, { kind: "leader-exited", id: "s1" });
    expect([...state.sessions.keys()]).toEqual(["s2"]);
  });

  it("is not confused by a late effect of the open session", () => {
    const found = happen(opened(), { kind: "cgroup-found", id: "s1", cgroup: LOGIN });
    const ending = happen(found.state, { kind: "leader-exited", id: "s1" });
    const late = happen(ending.state, done(found.effects[0] as Effect));
    expect(late.effects).toEqual([]);
    expect(only(late.state)).toMatchObject({ phase: "ending", cgroups: [CGROUP, LOGIN] });
  });
});

describe("a cancelled call", () => {
  const expired = { kind: "call-expired", id: "s1" } as const;
  const receipt = (did: readonly Effect[]) => find(did, "announce-closed")?.receipt;

  it("of an unknown session has no effect", () => {
    expect(happen(READY, expired)).toEqual({ state: READY, effects: [] });
    expect(happen(opened(), { ...expired, id: "s2" })).toEqual({ state: opened(), effects: [] });
  });

  it("leaves an open session alone: the guest is in", () => {
    for (const state of [opened(), leasedOpened()]) expect(happen(state, expired)).toEqual({ state, effects: [] });
  });

  it("leaves an ending session and its cause alone", () => {
    for (const before of [opened(), leasedOpened(), allocated()]) {
      const { state } = happen(before, { kind: "leader-exited", id: "s1" });
      expect(happen(state, expired)).toEqual({ state, effects: [] });
    }
  });

  it.each(ALLOCATING)("withdraws the account that is being created (%s)", (kind) => {
    const { state, did } = interrupt(after(READY, allocateRequest(), { until: kind }), expired);
    expect(receipt(did)).toMatchObject({ cause: "never-opened", uid: LEASED.uid, left: [] });
    expect(kinds(did).slice(-ENDING_LEASED.length)).toEqual([...ENDING_LEASED]);
    expect(state).toMatchObject({ sessions: new Map(), pool: { rested: [LEASED.uid], quarantined: new Map() } });
  });

  it("withdraws the account that was not reported to anyone", () => {
    const { state, did } = after(allocated(), expired);
    expect(receipt(did)).toMatchObject({ cause: "never-opened", left: [] });
    expect(state.sessions.size).toBe(0);
  });

  it.each(OPENING)("cleans up a shared account's session, except its leader (%s)", (kind) => {
    const before = after(READY, openRequest(), { until: kind });
    expect(happen(before.state, expired).effects).toEqual([]);
    const { state, did } = interrupt(before, expired);
    expect(find(did, "kill-processes")).toMatchObject({ cgroups: [] });
    expect(receipt(did)).toMatchObject({ cause: "open-failed", left: [] });
    expect(state.sessions.size).toBe(0);
  });

  it.each(OPENING.slice(1).filter((kind) => kind !== "enter-ledger"))(
    "cleans up the whole session of a leased account (%s)",
    (kind) => {
      const { state, did } = interrupt(after(allocated(), leasedOpen(), { until: kind }), expired);
      expect(find(did, "kill-processes")).toMatchObject({
        leased: true,
        cgroups: expect.arrayContaining([SLICE]) as unknown,
      });
      expect(receipt(did)).toMatchObject({ cause: "open-failed", left: [] });
      expect(state).toMatchObject({ sessions: new Map(), pool: { rested: [LEASED.uid] } });
    },
  );
});

describe("a late failure from the time a session was open", () => {
  it.each(["limit-login", "announce-opened", "note-close"] as const)(
    "(%s) is neither in its receipt nor taken for a stage of its end",
    (kind) => {
      const subject = subjectOf(only(opened()));
      const session = only(opened()) as Open;
      const late: Record<typeof kind, Effect> = {
        "limit-login": { kind: "limit-login", subject, cgroup: LOGIN, limits: session.limits },
        "announce-opened": { kind: "announce-opened", subject, session },
        "note-close": { kind: "note-close", subject },
      };
      const ending = happen(opened(), { kind: "leader-exited", id: "s1" });
      const after = happen(ending.state, failed(late[kind]));
      expect(after).toEqual({ state: ending.state, effects: [] });
      expect(find(play({ ...after, effects: ending.effects }).did, "announce-closed")?.receipt.left).toEqual([]);
    },
  );
});

describe("a session started inside another one", () => {
  const nested = () =>
    after(opened(), openRequest({ id: "s2", call: 2, leaderPid: 600, leaderCgroup: `${CGROUP.path}/deeper` })).state;

  it("ends with the outer one", () => {
    const { state, did } = after(nested(), { kind: "leader-exited", id: "s1" });
    expect(state.sessions.size).toBe(0);
    const receipts = did.flatMap((effect) =>
      effect.kind === "announce-closed" ? [`${effect.receipt.id} ${effect.receipt.cause}`] : [],
    );
    expect(receipts.sort()).toEqual(["s1 leader-exited", "s2 outer-ended"]);
  });

  it("is refused when the outer one is ending", () => {
    const { state } = happen(opened(), { kind: "leader-exited", id: "s1" });
    const { effects } = happen(state, openRequest({ id: "s2", call: 2, leaderPid: 600, leaderCgroup: CGROUP.path }));
    expect(effects).toEqual([expect.objectContaining({ kind: "refuse", call: 2, code: "Refused" })]);
  });

  it("does not end the outer one", () => {
    const { state } = after(nested(), { kind: "leader-exited", id: "s2" });
    expect([...state.sessions.keys()]).toEqual(["s1"]);
  });

  it("is not one whose cgroup name only begins alike", () => {
    const { state } = after(
      opened(),
      openRequest({ id: "s2", call: 2, leaderPid: 600, leaderCgroup: `${CGROUP.path}x` }),
    );
    expect(state.sessions.get("s2")?.outer).toBeUndefined();
  });
});

describe("ending a leased account's session", () => {
  const end = (state: State = leasedOpened(), plan?: Parameters<typeof after>[2]) =>
    after(state, { kind: "leader-exited", id: "s1" }, plan);

  it("runs its stages in order, and the UID is free again", () => {
    const { state, did } = end();
    expect(kinds(did)).toEqual([...ENDING_LEASED]);
    expect(find(did, "kill-processes")).toMatchObject({
      leased: true,
      view: VIEW,
      cgroups: expect.arrayContaining([SLICE]) as unknown,
    });
    expect(find(did, "announce-closed")?.receipt).toMatchObject({
      user: LEASED.user,
      uid: LEASED.uid,
      leased: true,
      seconds: 5,
      left: [],
    });
    expect(find(did, "remove-record")).toMatchObject({ lease: { quarantine: undefined } });
    expect(state.pool).toMatchObject({ rested: [LEASED.uid], quarantined: new Map() });
    expect(state.sessions.size).toBe(0);
  });

  it("continues when greeters cannot be told, and its receipt is clean", () => {
    const { state, did } = end(leasedOpened(), { failing: ["unlist-account"] });
    expect(kinds(did)).toEqual([...ENDING_LEASED]);
    expect(find(did, "announce-closed")?.receipt.left).toEqual([]);
    expect(state.pool.rested).toEqual([LEASED.uid]);
  });

  it.each(ENDING_LEASED.slice(0, -3).filter((kind) => kind !== "unlist-account"))(
    "continues when %s fails: the receipt is not clean, and the UID is quarantined",
    (kind) => {
      const { state, did } = end(leasedOpened(), { failing: [kind] });
      expect(kinds(did)).toEqual([...ENDING_LEASED]);
      const reason = leftBy(kind).join("; ");
      expect(find(did, "announce-closed")?.receipt.left).toEqual(leftBy(kind));
      expect(find(did, "remove-record")).toMatchObject({ lease: { quarantine: { reason } } });
      expect(state.pool).toMatchObject({
        rested: [],
        quarantined: new Map([[LEASED.uid, { reason, user: LEASED.user, session: "s1" }]]),
      });
    },
  );

  it("reports for each class whether it was searched, in the receipt on disk, too", () => {
    const { did } = end(leasedOpened(), {
      found: (effect) => (effect.kind === "sweep-account" ? { swept: clean("ipc", "files") } : undefined),
    });
    const unseen = ACCOUNT_KINDS.filter((kind) => kind !== "ipc" && kind !== "files").map(
      (kind) => `${kind}: not checked`,
    );
    expect(find(did, "write-receipt")?.receipt.left).toEqual(unseen);
    expect(find(did, "announce-closed")?.receipt).toEqual(find(did, "write-receipt")?.receipt);
  });

  it("reports a failure on one line, since a guest may have chosen the names in it", () => {
    const { effects, state } = happen(leasedOpened(), { kind: "leader-exited", id: "s1" });
    const [left = ""] = onlyEnding(happen(state, failed(effects[0] as Effect, "x".repeat(100_000))).state).found.left;
    expect(left.length).toBeLessThan(400);
    expect(left).toContain(`${ENDING_LEASED[0]}: xxx`);
  });

  it.each(["announce-closed"] as const)("keeps the UID when %s fails", (kind) => {
    const { state, did } = end(leasedOpened(), { failing: [kind] });
    expect(kinds(did)).toEqual([...ENDING_LEASED]);
    expect(state.pool).toMatchObject({
      rested: [],
      quarantined: new Map([[LEASED.uid, { reason: `${kind}: boom`, user: LEASED.user, session: "s1" }]]),
    });
    expect(state.sessions.size).toBe(0);
  });

  it("keeps the UID until its record can be removed, and retries that", () => {
    const { state, did } = end(leasedOpened(), { failing: ["remove-record"] });
    expect(kinds(did)).toEqual([...ENDING_LEASED]);
    expect(state.pool).toMatchObject({ rested: [], quarantined: new Map() });
    expect(onlyEnding(state).removal).toEqual({ attempts: 1, due: LATER.uptime + 1e6 });
    expect(happen(state, { kind: "tick", uptime: LATER.uptime }).effects).toEqual([]);
    const again = happen(state, { kind: "tick", uptime: LATER.uptime + 1e6 });
    expect(again.effects).toEqual([
      expect.objectContaining({ kind: "remove-record", lease: { quarantine: undefined } }),
    ]);
    // Only one removal runs at a time.
    expect(happen(again.state, { kind: "tick", uptime: LATER.uptime + 9e6 }).effects).toEqual([]);
    expect(onlyEnding(play(again, { failing: ["remove-record"] }).state).removal?.attempts).toBe(2);
    expect(play(again).state).toMatchObject({ sessions: new Map(), pool: { rested: [LEASED.uid] } });
  });

  it("that waits only for its record's removal returns the receipt at once, and is not repeated", () => {
    const { state, did } = end(leasedOpened(), { failing: ["remove-record"] });
    const request = { kind: "end-requested", id: "s1", call: 9 } as const;
    const receipt = find(did, "write-receipt")?.receipt;
    const asked = happen(state, request);
    expect(asked).toEqual({
      state,
      effects: [expect.objectContaining({ kind: "answer", call: 9, answer: { kind: "ended", receipt } }) as Effect],
    });
    // Also during a retry.
    const again = happen(state, { kind: "tick", uptime: LATER.uptime + 1e6 });
    expect(kinds(happen(again.state, request).effects)).toEqual(["answer"]);
    expect(play(again).did).toHaveLength(1);
  });

  it("keeps the UID of processes that do not end", () => {
    const left = ["process 7 does not end", "process 8 does not end"];
    const { state } = end(leasedOpened(), {
      found: (effect) =>
        effect.kind === "kill-processes" ? { swept: [{ kind: "processes", found: 2, removed: 0, left }] } : undefined,
    });
    const reason = "processes: process 7 does not end; processes: process 8 does not end";
    expect(state.pool.quarantined.get(LEASED.uid)).toEqual({ reason, user: LEASED.user, session: "s1" });
  });

  it("returns the receipt to the administrator who asked for it", () => {
    const { did } = after(leasedOpened(), { kind: "end-requested", id: "s1", call: 9 });
    expect(kinds(did)).toEqual([...ENDING_LEASED, "answer"]);
    expect(did.at(-1)).toMatchObject({
      call: 9,
      answer: { kind: "ended", receipt: { cause: "ended-by-admin", leased: true } },
    });
  });

  it("of an account that no login used says so", () => {
    expect(find(end(allocated()).did, "announce-closed")?.receipt.cause).toBe("never-opened");
  });

  it("has UIDs rest in the order of their return", () => {
    const ids = ["a", "b", "c"];
    let state: State = ids.reduce(
      (last, id, index) => after(last, allocateRequest({ id, leaderPid: 500 + index })).state,
      READY,
    );
    for (const id of ["b", "c", "a"]) state = after(state, { kind: "leader-exited", id }).state;
    expect(state.pool.rested).toEqual([60601, 60602, 60600]);
    expect(only(happen(state, allocateRequest()).state).account.uid).toBe(60603);
  });

  it("of a shared account touches no UID", () => {
    expect(end(opened()).state.pool).toEqual(READY.pool);
    expect(end(opened(), { failing: ["kill-processes"] }).state.pool).toEqual(READY.pool);
  });
});

describe("the time that a leased account waits for its login", () => {
  const at = (state: State, uptime: number) => happen(state, { kind: "tick", uptime });

  it("is LeaseTimeout=, after which the account goes back", () => {
    const state = configure(allocated(), "[Guests]", "LeaseTimeout=2");
    expect(at(state, 7_000 + 2e6).effects).toEqual([]);
    const late = at(state, 7_001 + 2e6);
    expect(kinds(late.effects)).toEqual(ENDING_LEASED.slice(0, 1));
    expect(find(play(late).did, "announce-closed")?.receipt).toMatchObject({ cause: "never-opened", left: [] });
  });

  it("is an hour by default, or as long as its leader lives, since greeters wait for a click", () => {
    expect(at(allocated(), 7_000 + 3600e6).effects).toEqual([]);
    expect(kinds(at(allocated(), 7_001 + 3600e6).effects)).toEqual(ENDING_LEASED.slice(0, 1));
    const { did } = after(allocated(), { kind: "leader-exited", id: "s1", uptime: 61e6 });
    expect(find(did, "announce-closed")?.receipt).toMatchObject({ cause: "never-opened", left: [] });
    expect(at(configure(allocated(), "[Guests]", "LeaseTimeout=0"), 1e15).effects).toEqual([]);
  });

  it("runs for each of several accounts", () => {
    const two = after(allocated(), allocateRequest({ id: "s2", leaderPid: 501, uptime: 3000e6 })).state;
    const later = at(two, 4000e6);
    expect(later.effects.map((effect) => sessionSubject(effect).id)).toEqual(["s1"]);
    const both = at(two, 7000e6);
    expect(both.effects.map((effect) => sessionSubject(effect).id)).toEqual(["s1", "s2"]);
    expect([...both.state.sessions.values()].map(({ phase }) => phase)).toEqual(["ending", "ending"]);
  });

  it("does not end while there is no configuration, as its length is unknown", () => {
    const state = { ...allocated(), config: undefined };
    expect(at(state, 1e15)).toEqual({ state, effects: [] });
  });

  it("ends no session that is open, opening or ending", () => {
    expect(at(leasedOpened(), 1e12).effects).toEqual([]);
    expect(at(opened(), 1e12).effects).toEqual([]);
    expect(at(after(READY, openRequest(), { until: "build-view" }).state, 1e12).effects).toEqual([]);
    expect(at(happen(leasedOpened(), { kind: "leader-exited", id: "s1" }).state, 1e12).effects).toEqual([]);
  });
});

describe("a session whose client is gone", () => {
  const lost = (state: State, uptime: number) => happen(state, { kind: "connection-lost", id: "s1", uptime }).state;
  const causes = (state: State, uptime: number) =>
    [...happen(state, { kind: "tick", uptime }).state.sessions.values()].flatMap((session) =>
      session.phase === "ending" && session.cause === "disconnected" ? [session.cause] : [],
    );

  it("ends half a minute later, and not before", () => {
    const state = lost(opened(), LATER.uptime);
    expect(causes(state, LATER.uptime + 30e6)).toEqual([]);
    expect(causes(state, LATER.uptime + 30e6 + 1)).toEqual(["disconnected"]);
  });

  it("is not given more time when that is reported again", () => {
    const state = lost(lost(opened(), LATER.uptime), LATER.uptime + 20e6);
    expect(causes(state, LATER.uptime + 31e6)).toEqual(["disconnected"]);
  });

  it("stays while that is unknown", () => {
    expect(causes(opened(), LATER.uptime + 1e12)).toEqual([]);
    expect(happen(READY, { kind: "connection-lost", id: "s1" }).effects).toEqual([]);
  });

  it("is not one that waits for its login or is ending", () => {
    for (const state of [allocated(), happen(opened(), { kind: "leader-exited", id: "s1" }).state])
      expect(causes(lost(state, LATER.uptime), LATER.uptime + 31e6)).toEqual([]);
  });
});
