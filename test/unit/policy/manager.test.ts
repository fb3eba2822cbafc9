import { describe, expect, it } from "vitest";
import type { Effect, EffectKind, Event, Outcome } from "../../../src/policy/events.ts";
import type { Next, State } from "../../../src/policy/manager.ts";
import { INITIAL_STATE, step } from "../../../src/policy/manager.ts";
import { ENDING, OPENING } from "../../../src/policy/stages.ts";
import { CGROUP, configOf, openRequest, VIEW } from "../../helpers/samples.ts";

const READY: State = { ...INITIAL_STATE, config: configOf() };
const OUTCOMES: Partial<Record<EffectKind, Outcome>> = {
  "watch-leader": { startTime: 42 },
  "enclose-leader": { cgroup: CGROUP },
  "build-view": { view: VIEW },
  "kill-processes": { found: { processesKilled: 3, left: [] } },
};

/** Where logind moves a leader to. */
const LOGIN = { path: "/user.slice/user-1101.slice/session-1.scope", inode: "4712" };

const kinds = (effects: readonly Effect[]) => effects.map(({ kind }) => kind);
const done = (effect: Effect): Event => ({ kind: "effect-done", effect, outcome: OUTCOMES[effect.kind] ?? {}, now: 2_000 });
const failed = (effect: Effect): Event => ({ kind: "effect-failed", effect, code: "Failed", reason: "boom", now: 2_000 });

/** Runs effects to their end as the daemon would, all of them well but those named; collects what was done. */
function run(from: Next, failing: readonly EffectKind[] = [], until?: EffectKind): { state: State; did: Effect[]; stopped: Effect[] } {
  let { state } = from;
  const did: Effect[] = [];
  const queue = [...from.effects];
  for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
    if (effect.kind === until) return { state, did, stopped: [effect, ...queue] };
    did.push(effect);
    const next = step(state, failing.includes(effect.kind) ? failed(effect) : done(effect));
    state = next.state;
    queue.push(...next.effects);
  }
  return { state, did, stopped: [] };
}

const opened = () => run(step(READY, openRequest())).state;
const only = (state: State) => [...state.sessions.values()][0];
const find = <K extends EffectKind>(effects: readonly Effect[], kind: K) =>
  effects.find((effect): effect is Effect & { kind: K } => effect.kind === kind);

describe("opening a session", () => {
  it("goes through its stages in order and ends open", () => {
    const { state, did } = run(step(READY, openRequest()));
    expect(kinds(did)).toEqual([...OPENING]);
    expect(only(state)).toMatchObject({ phase: "open", view: VIEW, leader: { pid: 500, startTime: 42 } });
  });

  it("answers with the view only when the record is written", () => {
    const { did } = run(step(READY, openRequest()));
    expect(find(did, "answer")).toMatchObject({
      call: 1,
      answer: { kind: "opened", reply: { id: "s1", namespace: VIEW.path, inode: VIEW.inode, environment: { GUEST_SESSION: "s1" } } },
    });
    expect(kinds(did).indexOf("write-record")).toBeLessThan(kinds(did).indexOf("answer"));
  });

  it.each(["watch-leader", "enclose-leader", "build-view", "write-record", "answer"] as const)("refuses the guest and leaves nothing when %s fails", (kind) => {
    const { state, did } = run(step(READY, openRequest()), [kind]);
    expect(find(did, "refuse")).toMatchObject({ call: 1, code: "Failed" });
    expect(kinds(did).slice(-ENDING.length)).toEqual([...ENDING]);
    expect(find(did, "announce-closed")?.receipt.cause).toBe("open-failed");
    expect(state.sessions.size).toBe(0);
  });

  it("does not kill the leader of a login that was refused: it has to tell its guest why", () => {
    const { did } = run(step(READY, openRequest()), ["build-view"]);
    expect(find(did, "kill-processes")?.cgroups).toEqual([]);
  });

  it("does not tell the guest the technical reason of a failure", () => {
    const { did } = run(step(READY, openRequest()), ["build-view"]);
    expect(find(did, "refuse")?.reason).not.toContain("boom");
  });

  it("tells the guest who was ended meanwhile by an administrator so", () => {
    const { state, stopped } = run(step(READY, openRequest()), [], "build-view");
    const asked = step(state, { kind: "end-requested", id: "s1", call: 9 });
    const { did } = run({ state: asked.state, effects: stopped });
    expect(find(did, "refuse")).toMatchObject({ call: 1, code: "Refused" });
    expect(did.at(-1)).toMatchObject({ kind: "answer", call: 9, answer: { kind: "ended" } });
  });

  it("goes on when only the signal could not be sent", () => {
    expect(only(run(step(READY, openRequest()), ["announce-opened"]).state)).toMatchObject({ phase: "open" });
  });

  it("answers a refusal and makes no session", () => {
    const { state, effects } = step(INITIAL_STATE, openRequest());
    expect(effects).toEqual([expect.objectContaining({ kind: "refuse", call: 1, code: "Refused" })]);
    expect(state.sessions.size).toBe(0);
  });

  it.each(OPENING.slice(0, -1))("is taken back when the leader ends during %s", (kind) => {
    const { state, stopped } = run(step(READY, openRequest()), [], kind);
    const exited = step(state, { kind: "leader-exited", id: "s1" });
    expect(exited.effects).toEqual([]);
    const after = run({ state: exited.state, effects: stopped });
    expect(after.state.sessions.size).toBe(0);
    expect(kinds(after.did).slice(-ENDING.length)).toEqual([...ENDING]);
  });

  it("gives a leader that asks twice the same session", () => {
    const { state, effects } = step(opened(), openRequest({ id: "s2", call: 7 }));
    expect(effects).toEqual([expect.objectContaining({ kind: "answer", call: 7, answer: expect.objectContaining({ kind: "opened" }) as unknown })]);
    expect(state.sessions.size).toBe(1);
  });
});

describe("ending a session", () => {
  it("goes through its stages in order and forgets it", () => {
    const { state, did } = run(step(opened(), { kind: "leader-exited", id: "s1" }));
    expect(kinds(did)).toEqual([...ENDING]);
    expect(find(did, "announce-closed")?.receipt).toMatchObject({ id: "s1", cause: "leader-exited", processesKilled: 3, left: [], openedAt: 1_000, closedAt: 2_000 });
    expect(state.sessions.size).toBe(0);
  });

  it.each(ENDING.slice(0, 3))("goes on when %s fails, and its receipt is dirty", (kind) => {
    const { state, did } = run(step(opened(), { kind: "leader-exited", id: "s1" }), [kind]);
    expect(kinds(did)).toEqual([...ENDING]);
    expect(find(did, "announce-closed")?.receipt.left).toEqual([expect.stringContaining(`${kind}: boom`)]);
    expect(state.sessions.size).toBe(0);
  });

  it("says logout when PAM had closed it before", () => {
    const hinted = run(step(opened(), { kind: "close-hinted", id: "s1", leaderPid: 500 }));
    expect(kinds(hinted.did)).toEqual(["note-close"]);
    const { did } = run(step(hinted.state, { kind: "leader-exited", id: "s1" }));
    expect(find(did, "announce-closed")?.receipt.cause).toBe("logout");
  });

  it("takes no hint from another process than the leader", () => {
    expect(step(opened(), { kind: "close-hinted", id: "s1", leaderPid: 501 }).effects).toEqual([]);
  });

  it("answers everyone who asked for it with the receipt", () => {
    const first = step(opened(), { kind: "end-requested", id: "s1", call: 8 });
    const second = step(first.state, { kind: "end-requested", id: "s1", call: 9 });
    const { did } = run({ state: second.state, effects: [...first.effects, ...second.effects] });
    const answers = did.filter((effect) => effect.kind === "answer");
    expect(answers).toEqual([expect.objectContaining({ call: 8 }), expect.objectContaining({ call: 9 })]);
    expect(answers[0]).toMatchObject({ answer: { kind: "ended", receipt: { cause: "ended-by-admin" } } });
  });

  it("starts once, however often it is asked for", () => {
    const first = step(opened(), { kind: "leader-exited", id: "s1" });
    expect(step(first.state, { kind: "leader-exited", id: "s1" }).effects).toEqual([]);
  });

  it("is refused by name for a session that is not there", () => {
    expect(step(READY, { kind: "end-requested", id: "nope", call: 3 }).effects).toEqual([
      expect.objectContaining({ kind: "refuse", call: 3, code: "NoSuchSession", reason: expect.stringContaining("nope") as string }),
    ]);
  });

  it("of one guest does not touch another", () => {
    const two = run(step(opened(), openRequest({ id: "s2", call: 2, leaderPid: 600 }))).state;
    const { state } = run(step(two, { kind: "leader-exited", id: "s1" }));
    expect([...state.sessions.keys()]).toEqual(["s2"]);
  });

  it("is not confused by an effect of the open session that comes in late", () => {
    const found = step(opened(), { kind: "cgroup-found", id: "s1", cgroup: LOGIN });
    const ending = step(found.state, { kind: "leader-exited", id: "s1" });
    const late = step(ending.state, done(found.effects[0] as Effect));
    expect(late.effects).toEqual([]);
    expect(only(late.state)).toMatchObject({ phase: "ending", cgroups: [CGROUP, LOGIN] });
  });
});

describe("a session's cgroups", () => {
  it("are guestd's own, and logind's when it is found, and written down", () => {
    const { state, effects } = step(opened(), { kind: "cgroup-found", id: "s1", cgroup: LOGIN });
    expect(effects).toEqual([expect.objectContaining({ kind: "write-record", session: expect.objectContaining({ cgroups: [CGROUP, LOGIN] }) as unknown })]);
    expect(step(state, { kind: "cgroup-found", id: "s1", cgroup: LOGIN }).effects).toEqual([]);
  });

  it("are what its end kills, with the view", () => {
    const { state } = run(step(opened(), { kind: "cgroup-found", id: "s1", cgroup: LOGIN }));
    expect(step(state, { kind: "leader-exited", id: "s1" }).effects[0]).toMatchObject({ kind: "kill-processes", view: VIEW, cgroups: [CGROUP, LOGIN], openedUptime: 7_000 });
  });
});

describe("a session started in another one", () => {
  const nested = () => run(step(opened(), openRequest({ id: "s2", call: 2, leaderPid: 600, leaderCgroup: `${CGROUP.path}/deeper` }))).state;

  it("ends with that one", () => {
    const { state, did } = run(step(nested(), { kind: "leader-exited", id: "s1" }));
    expect(state.sessions.size).toBe(0);
    const receipts = did.flatMap((effect) => (effect.kind === "announce-closed" ? [`${effect.receipt.id} ${effect.receipt.cause}`] : []));
    expect(receipts.sort()).toEqual(["s1 leader-exited", "s2 outer-ended"]);
  });

  it("is refused when that one is ending", () => {
    const { state } = step(opened(), { kind: "leader-exited", id: "s1" });
    const { effects } = step(state, openRequest({ id: "s2", call: 2, leaderPid: 600, leaderCgroup: CGROUP.path }));
    expect(effects).toEqual([expect.objectContaining({ kind: "refuse", call: 2, code: "Refused" })]);
  });

  it("does not take that one along", () => {
    const { state } = run(step(nested(), { kind: "leader-exited", id: "s2" }));
    expect([...state.sessions.keys()]).toEqual(["s1"]);
  });

  it("is none when the name of the cgroup only begins alike", () => {
    const { state } = run(step(opened(), openRequest({ id: "s2", call: 2, leaderPid: 600, leaderCgroup: `${CGROUP.path}x` })));
    expect(state.sessions.get("s2")?.outer).toBeUndefined();
  });
});

describe("a session of an earlier guestd", () => {
  const record = () => {
    const session = only(opened());
    if (session === undefined) throw new Error("no session");
    return session;
  };

  it("is watched again, as the process it was", () => {
    const { effects } = step(READY, { kind: "record-found", session: record() });
    expect(effects).toEqual([expect.objectContaining({ kind: "watch-leader", pid: 500, startTime: 42, busName: "", view: VIEW })]);
    expect(only(run(step(READY, { kind: "record-found", session: record() })).state)).toMatchObject({ phase: "open" });
  });

  it("has no view until that is taken up again: its numbers may be somebody else's by now", () => {
    const { did } = run(step(READY, { kind: "record-found", session: record() }), ["watch-leader"]);
    expect(find(did, "kill-processes")).toMatchObject({ view: undefined, cgroups: [CGROUP] });
  });

  it("is ended when its leader is gone", () => {
    const { state, did } = run(step(READY, { kind: "record-found", session: record() }), ["watch-leader"]);
    expect(kinds(did)).toEqual(["watch-leader", ...ENDING]);
    expect(state.sessions.size).toBe(0);
  });
});

describe("joining", () => {
  it("is refused for an account that sessions share", () => {
    expect(step(opened(), { kind: "join-requested", id: "j1", call: 4, uid: 1101 }).effects).toEqual([
      expect.objectContaining({ kind: "refuse", call: 4, code: "NoSuchSession" }),
    ]);
  });
});
