import { describe, expect, it } from "vitest";
import type { Effect, EffectKind } from "../../../src/policy/effects.ts";
import type { What } from "../../../src/policy/events.ts";
import type { Receipt } from "../../../src/policy/receipt.ts";
import { SHARED_KINDS } from "../../../src/policy/receipt.ts";
import type { SavedSession, Session } from "../../../src/policy/session.ts";
import { ENDING, ENDING_LEASED, ENDING_LOST, ENDING_UNMADE } from "../../helpers/stages.ts";
import type { State } from "../../../src/policy/state.ts";
import type { Plan } from "../../helpers/play.ts";
import { formatRecord, parseRecord } from "../../../src/system/state/session-record.ts";
import {
  after,
  allocated,
  find,
  interrupt,
  kinds,
  LATER,
  leasedOpened,
  only,
  opened,
  play,
  READY,
  recordFound,
  recordOf,
  sessionSubject,
  happen,
} from "../../helpers/play.ts";
import { ISOLATION, LEASED, openRequest, VIEW } from "../../helpers/samples.ts";

const SHARED = { ...VIEW, isolation: ISOLATION };
const TAKEN_UP: readonly EffectKind[] = ["take-up-session"];
/** The session continues. */
const LEASED_TAKEN_UP: readonly EffectKind[] = ["take-up-session", "permit-unlock"];
const TYPES = [
  ["a shared account's", opened, ENDING, TAKEN_UP],
  ["a leased account's", leasedOpened, ENDING_LEASED, LEASED_TAKEN_UP],
] as const;

/** What remains on disk of a guestd killed during an end: the record, and perhaps the receipt. */
function killedAt(state: State, stage: EffectKind): { session: SavedSession; receipt?: Receipt } {
  const { did } = after(state, { kind: "end-requested", id: "s1", call: 9 }, { until: stage });
  const session = find(did, "note-ending")?.saved ?? recordOf(only(state));
  const receipt = find(did, "write-receipt")?.receipt;
  return receipt === undefined ? { session } : { session, receipt };
}

const recover = (
  { session, receipt }: { session: Session | SavedSession; receipt?: Receipt },
  plan?: Plan,
  state = READY,
) => after(state, recordFound(session, receipt === undefined ? {} : { receipt }), plan);

const GONE: Plan = {
  found: (effect) =>
    effect.kind === "take-up-session" ? { isLeaderThere: false, view: { ...VIEW, path: "/proc/88/fd/9" } } : undefined,
};

describe("a guestd that was killed while ending a session", () => {
  const ENDS = TYPES.flatMap(([type, state, stages, takenUp]) =>
    stages.map((stage, index) => [type, stage, state, stages, index, takenUp] as const),
  );

  it.each(ENDS)("completes the end of %s, killed at %s", (_, stage, state, stages, index, takenUp) => {
    const left = killedAt(state(), stage);
    const { state: last, did } = recover(left);
    const isWritten = index > stages.indexOf("write-receipt");
    // Saved as open, the session is still open: none of its parts was removed yet.
    if (index <= stages.indexOf("note-ending")) {
      expect(kinds(did)).toEqual(takenUp);
      return;
    }
    expect(kinds(did)).toEqual(
      isWritten ? stages.slice(stages.indexOf("announce-closed")) : ["take-up-session", ...stages],
    );
    // The announcement may have preceded any write.
    expect(find(did, "announce-closed")).toMatchObject({
      repeated: true,
      receipt: { id: "s1", cause: "ended-by-admin" },
    });
    expect(last.sessions.size).toBe(0);
    expect(last.pool.rested).toEqual(only(state()).leased ? [LEASED.uid] : []);
  });

  it.each(TYPES)("ends %s again after each further kill, with the same cause", (_, state, stages) => {
    let left = killedAt(state(), "kill-processes");
    for (const stage of stages.slice(1, 4)) {
      const { did } = recover(left, { until: stage });
      left = { session: find(did, "note-ending")?.saved ?? left.session };
    }
    expect(find(recover(left).did, "announce-closed")?.receipt.cause).toBe("ended-by-admin");
  });

  it.each(TYPES)("does not search the journal for the end of %s when it had not begun", (_, state) => {
    expect(find(recover({ session: only(state()) }, GONE).did, "announce-closed")).toMatchObject({ repeated: false });
  });

  it("searches the journal for the end, also after a reboot in between", () => {
    const { did } = after(READY, recordFound(killedAt(opened(), "write-receipt").session, { cause: "lost-power" }));
    expect(find(did, "announce-closed")).toMatchObject({ repeated: true, receipt: { cause: "lost-power" } });
  });

  it("announces the receipt on disk, and no other", () => {
    const left = killedAt(leasedOpened(), "announce-closed");
    const dirty = { ...left, receipt: { ...(left.receipt as Receipt), left: ["files: /tmp/x"], closedAt: 77 } };
    const { did, state } = recover(dirty);
    expect(find(did, "announce-closed")?.receipt).toEqual(dirty.receipt);
    expect(state.pool.quarantined.get(LEASED.uid)).toEqual({
      reason: "files: /tmp/x",
      user: LEASED.user,
      session: "s1",
    });
    expect(find(did, "remove-record")).toMatchObject({ lease: { quarantine: { reason: "files: /tmp/x" } } });
  });

  it("looks for no process of a session whose receipt is on disk", () => {
    const { effects } = happen(
      READY,
      recordFound(killedAt(opened(), "remove-record").session, {
        receipt: killedAt(opened(), "remove-record").receipt as Receipt,
      }),
    );
    expect(kinds(effects)).toEqual(["announce-closed"]);
  });

  it("continues an end that has begun, though its leader lives", () => {
    const { session } = killedAt(opened(), "kill-processes");
    expect(session.phase).toBe("ending");
    expect(kinds(recover({ session }).did)).toEqual(["take-up-session", ...ENDING]);
  });

  it("completes the end of an account that was never created, and ends nothing of its UID's user", () => {
    const session = { ...killedAt(allocated(), "kill-processes").session, published: false };
    expect(kinds(recover({ session }).did)).toEqual(["take-up-session", ...ENDING_UNMADE]);
  });
});

describe("a session that is taken up", () => {
  it.each(TYPES)(
    "(%s) continues where its leader is, with the view found, and is saved",
    (_, state, _stages, takenUp) => {
      const taken = { ...(only(state()).view as typeof VIEW), path: "/proc/88/fd/9" };
      const { state: last, did } = recover(
        { session: only(state()) },
        { found: (effect) => (effect.kind === "take-up-session" ? { view: taken, isLeaderThere: true } : undefined) },
      );
      expect(kinds(did)).toEqual(takenUp);
      expect(only(last)).toMatchObject({ phase: "open", view: taken, hasRecord: true });
      expect(only(last)).not.toHaveProperty("recorded");
      expect(kinds(after(last, { kind: "leader-exited", id: "s1" }).did)[0]).toBe("count-processes");
    },
  );

  it("stays open when its unlock mark cannot be made, as earlier versions made none", () => {
    const { state } = recover({ session: only(leasedOpened()) }, { failing: ["permit-unlock"] });
    expect(only(state)).toMatchObject({ phase: "open" });
  });

  it("waits for its login again when it only had an account", () => {
    const { state } = recover({ session: only(allocated()) });
    expect(only(state)).toMatchObject({ phase: "allocated", view: undefined });
    expect(find(after(state, { kind: "tick", uptime: 1e12 }).did, "announce-closed")?.receipt.cause).toBe(
      "never-opened",
    );
  });

  it("ends by what is still held of its view when its leader is gone", () => {
    const { did } = recover({ session: only(leasedOpened()) }, GONE);
    expect(find(did, "kill-processes")).toMatchObject({ view: { path: "/proc/88/fd/9" } });
    expect(find(did, "drop-view")).toMatchObject({ isLost: false, devices: VIEW.devices });
    expect(find(did, "announce-closed")?.receipt).toMatchObject({ cause: "leader-exited", left: [] });
  });

  it("reports a lost view when no process holds it, and names no device of it", () => {
    const { did } = recover({ session: only(leasedOpened()) }, { failing: ["take-up-session"] });
    expect(find(did, "drop-view")).toMatchObject({ isLost: true, devices: [], tmpfs: [] });
  });

  it.each(TYPES)("(%s) still has a lost view when the guestd that lost it is killed too", (_, state) => {
    const plan: Plan = { failing: ["take-up-session"], until: "drop-view" };
    let session = recordOf(only(state()));
    for (let kills = 0; kills < 3; kills++) {
      const { did } = recover({ session }, plan);
      session = parseRecord(formatRecord(find(did, "note-ending")?.saved ?? session), "s1").session;
      expect(session).toMatchObject({ phase: "ending", view: "lost" });
    }
    const { did } = recover({ session }, { failing: ["take-up-session"] });
    expect(find(did, "drop-view")).toMatchObject({ isLost: true, devices: [] });
    // After another boot none of it can remain.
    expect(find(after(READY, recordFound(session, { cause: "lost-power" })).did, "drop-view")).toMatchObject({
      isLost: false,
    });
  });

  it("has lost no view when it never had one", () => {
    const { did } = recover({ session: only(allocated()) }, { failing: ["take-up-session"] });
    expect(find(did, "drop-view")).toMatchObject({ isLost: false });
    expect(find(did, "announce-closed")?.receipt).toMatchObject({ cause: "never-opened", left: [] });
  });

  it("continues without an unknown view, and lets no process join it", () => {
    const found = {
      found: (effect: Effect) =>
        effect.kind === "take-up-session" ? { view: undefined, isLeaderThere: true } : undefined,
    };
    const { state } = recover({ session: only(leasedOpened()) }, found);
    expect(only(state)).toMatchObject({ phase: "open", view: "lost" });
    expect(happen(state, { kind: "join-requested", id: "j1", call: 4, uid: LEASED.uid }).effects).toMatchObject([
      { kind: "refuse" },
    ]);
    expect(happen(state, openRequest({ id: "s2", call: 5, account: LEASED })).effects).toMatchObject([
      { kind: "answer", answer: { kind: "error" } },
    ]);
  });
});

describe("while a leader is being looked for", () => {
  const looking = (session = only(opened())) => after(READY, recordFound(session), { until: "take-up-session" });
  const MEANWHILE: readonly [string, What, string][] = [
    ["an administrator ends it", { kind: "end-requested", id: "s1", call: 9 }, "ended-by-admin"],
    ["its leader exits", { kind: "leader-exited", id: "s1" }, "leader-exited"],
  ];

  it.each(MEANWHILE)("the event waits: %s, and the session ends once", (_, event, cause) => {
    expect(happen(looking().state, event).effects).toEqual([]);
    const { state, did } = interrupt(looking(), event);
    const stages = kinds(did).filter((kind) => kind !== "answer");
    expect(stages).toEqual(["take-up-session", ...ENDING]);
    expect(find(did, "announce-closed")?.receipt.cause).toBe(cause);
    expect(state.sessions.size).toBe(0);
  });

  it.each(MEANWHILE)(
    "there is no second end: %s, twice, with its leader gone and its outer session ending",
    (_, event) => {
      const inner: Session = { ...only(opened()), id: "s2", outer: "s1", leader: { pid: 600, startTime: 42 } };
      const first = looking();
      const both = happen(first.state, recordFound(inner));
      const twice = [event, event, { kind: "leader-exited", id: "s1" } as const].reduce(
        (state, one) => happen(state, one).state,
        both.state,
      );
      const { did, state } = play({ state: twice, effects: [...first.stopped, ...both.effects] }, GONE);
      for (const id of ["s1", "s2"]) {
        const own = kinds(did.filter((effect) => sessionSubject(effect).id === id)).filter((kind) => kind !== "answer");
        expect(own).toEqual(["take-up-session", ...ENDING]);
      }
      expect(state.sessions.size).toBe(0);
    },
  );

  it("each administrator who asked is answered", () => {
    const { did } = interrupt(looking(), { kind: "end-requested", id: "s1", call: 9 });
    expect(did.at(-1)).toMatchObject({
      kind: "answer",
      call: 9,
      answer: { kind: "ended", receipt: { cause: "ended-by-admin" } },
    });
  });

  it("cancelled calls, ticks and hints have no effect", () => {
    const { state } = looking(only(allocated()));
    for (const event of [
      { kind: "call-expired", id: "s1" },
      { kind: "tick", uptime: 1e12 },
      { kind: "close-hinted", id: "s1", leaderPid: 500, running: [] },
    ] as const) {
      expect(happen(state, event)).toEqual({ state, effects: [] });
    }
  });

  it("limits that cannot be set in logind's cgroup do not end the session", () => {
    const cgroup = { path: "/user.slice/user-1101.slice/session-1.scope", inode: "4712" };
    const { state, did } = interrupt(
      looking(),
      { kind: "cgroup-found", id: "s1", cgroup },
      { failing: ["limit-login"] },
    );
    expect(kinds(did)).toEqual(["take-up-session", "limit-login"]);
    expect(only(state)).toMatchObject({ phase: "open", cgroups: expect.arrayContaining([cgroup]) as unknown });
  });

  it("no process joins its view, and its leaders open no session", () => {
    const { state } = looking(only(leasedOpened()));
    expect(happen(state, { kind: "join-requested", id: "j1", call: 4, uid: LEASED.uid }).effects).toMatchObject([
      { kind: "refuse" },
    ]);
    expect(happen(state, openRequest({ id: "s2", call: 5, account: LEASED })).effects).toMatchObject([
      { kind: "refuse" },
    ]);
  });
});

describe("a session whose record was lost", () => {
  it.each(TYPES)("(%s) is ended by its ledger entry, though its leader lives", (_, state, stages) => {
    const { did, state: last } = after(READY, recordFound(only(state()), { cause: "record-lost" }));
    expect(kinds(did)).toEqual(["take-up-session", ...stages]);
    expect(find(did, "note-ending")?.saved).toMatchObject({ phase: "ending", cause: "record-lost" });
    expect(find(did, "announce-closed")?.receipt).toMatchObject({ cause: "record-lost", left: [] });
    expect(last.sessions.size).toBe(0);
  });

  it("has all of a leased account's user killed, though the ledger lacks cgroup and view", () => {
    const { did } = after(READY, recordFound(only(allocated()), { cause: "record-lost" }));
    expect(find(did, "kill-processes")).toMatchObject({ leased: true, subject: { uid: LEASED.uid }, view: undefined });
  });
});

describe("a session that was open when the machine went down", () => {
  const lost = (session: Session, receipt?: Receipt, plan?: Plan) =>
    after(READY, recordFound(session, { cause: "lost-power", ...(receipt === undefined ? {} : { receipt }) }), plan);

  it.each(TYPES)(
    "(%s) has a receipt of the time it was found, and no running process is taken for its own",
    (_, state) => {
      const { did, state: last } = lost(only(state()));
      const stages = ENDING_LOST.filter((stage) => only(state()).leased || stage !== "sweep-account");
      expect(kinds(did)).toEqual([...stages]);
      expect(find(did, "write-receipt")?.receipt).toMatchObject({
        cause: "lost-power",
        seconds: 0,
        closedAt: LATER.now,
        left: [],
      });
      expect(last.sessions.size).toBe(0);
    },
  );

  it("returns its UID when all that survives a reboot was searched, and quarantines it otherwise", () => {
    expect(lost(only(leasedOpened())).state.pool).toMatchObject({ rested: [LEASED.uid], quarantined: new Map() });
    const { state, did } = lost(only(allocated()), undefined, { failing: ["sweep-account"] });
    expect(find(did, "write-receipt")?.receipt.left).toContain("files: not checked");
    for (const kind of SHARED_KINDS)
      expect(find(did, "write-receipt")?.receipt.left).not.toContain(`${kind}: not checked`);
    expect(state.pool.quarantined.get(LEASED.uid)?.user).toBe(LEASED.user);
  });

  it("keeps its UID from others until its end is complete", () => {
    const { state } = lost(only(leasedOpened()), undefined, { until: "remove-record" });
    expect(only(state)).toMatchObject({ phase: "ending", account: { uid: LEASED.uid } });
  });

  it("is announced once, by the receipt on disk", () => {
    const receipt = find(lost(only(leasedOpened())).did, "write-receipt")?.receipt as Receipt;
    const { did } = lost(only(leasedOpened()), { ...receipt, closedAt: 55 });
    expect(kinds(did)).toEqual(["announce-closed", "remove-record"]);
    expect(find(did, "announce-closed")).toMatchObject({ repeated: true, receipt: { closedAt: 55 } });
  });
});

describe("a session that ended because its outer one did", () => {
  it("ends too when both are taken up and the outer one's leader is gone", () => {
    const inner: Session = { ...only(opened()), id: "s2", outer: "s1", leader: { pid: 600, startTime: 42 } };
    const outer = happen(READY, recordFound(only(opened())));
    const both = happen(outer.state, recordFound(inner));
    const isOuter = (effect: Effect) => effect.kind === "take-up-session" && effect.subject.id === "s1";
    const { did, state } = play(
      { state: both.state, effects: [...outer.effects, ...both.effects] },
      { found: (effect) => (isOuter(effect) ? { leaderGone: true, view: SHARED } : undefined) },
    );
    expect(
      did
        .flatMap((effect) =>
          effect.kind === "announce-closed" ? [`${effect.receipt.id} ${effect.receipt.cause}`] : [],
        )
        .sort(),
    ).toEqual(["s1 leader-exited", "s2 outer-ended"]);
    expect(state.sessions.size).toBe(0);
  });
});

describe("the marks of guests who may unlock their screens", () => {
  /** The first effects at startup: removals. */
  const removed = (records: readonly ReturnType<typeof recordFound>[], uids: readonly number[]) => {
    const state = records.reduce((before, record) => happen(before, record).state, READY);
    return happen(state, { kind: "marks-found", uids }).effects.map((effect) => {
      expect(effect.kind).toBe("forbid-unlock");
      return effect.subject.of === "uid" ? effect.subject.uid : undefined;
    });
  };
  const open = recordFound(only(leasedOpened()));

  it("stay where a session may continue, and are removed where there is none", () => {
    expect(removed([open], [LEASED.uid, 4711])).toEqual([4711]);
    expect(removed([], [])).toEqual([]);
  });

  it.each([
    ["that is ending", recordFound(killedAt(leasedOpened(), "kill-processes").session)],
    ["that is logging in", recordFound(only(allocated()))],
    ["whose record is lost", { ...open, cause: "record-lost" as const }],
    ["whose receipt is written", recordFound(only(leasedOpened()), killedAt(leasedOpened(), "remove-record"))],
  ])("are removed for a session %s", (_, record) => {
    expect(removed([record], [LEASED.uid])).toEqual([LEASED.uid]);
  });

  it("are removed for a shared account", () => {
    const state = opened();
    expect(removed([recordFound(only(state))], [only(state).account.uid])).toHaveLength(1);
  });

  it("are gone when logind is asked to forget the user, before any process is killed", () => {
    const { did } = after(leasedOpened(), { kind: "leader-exited", id: "s1" });
    expect(kinds(did).slice(1, 5)).toEqual(["note-ending", "forbid-unlock", "unlist-account", "stop-manager"]);
    expect(sessionSubject(did[2] as Effect).uid).toBe(LEASED.uid);
  });

  it("are in the receipt where they cannot be removed", () => {
    const { did, state } = after(leasedOpened(), { kind: "leader-exited", id: "s1" }, { failing: ["forbid-unlock"] });
    expect(find(did, "announce-closed")?.receipt.left).toEqual(["forbid-unlock: boom"]);
    expect(state.pool.quarantined.has(LEASED.uid)).toBe(true);
  });
});
