import { describe, expect, it } from "vitest";
import type { EffectKind } from "../../../src/policy/effects.ts";
import { ENDING, ENDING_LEASED, OPENING, OPENING_LEASED, ENDING_UNMADE } from "../../helpers/stages.ts";
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
  play,
  READY,
  happen,
  recordFound,
  recordOf,
} from "../../helpers/play.ts";
import { allocateRequest, GHOST, ISOLATION, LEASED, openRequest, SLICE, VIEW } from "../../helpers/samples.ts";

/** Expects all stages of the end. Without a record nothing is saved. */
const endOf = (did: readonly EffectKind[], isRecorded: boolean) => {
  const stages = ENDING.filter((kind) => isRecorded || kind !== "note-ending");
  expect(did.slice(-stages.length)).toEqual(stages);
  expect(did.filter((kind) => kind === "note-ending")).toHaveLength(isRecorded ? 1 : 0);
};

describe("opening a session of a shared account", () => {
  it("runs its stages in order and ends open", () => {
    const { state, did } = after(READY, openRequest());
    expect(kinds(did)).toEqual([...OPENING, "check-rules"]);
    expect(find(did, "check-rules")).toMatchObject({ service: "login", plan: only(state).plan });
    expect(only(state)).toMatchObject({
      phase: "open",
      view: { ...VIEW, isolation: ISOLATION },
      leader: { pid: 500, startTime: 42 },
    });
  });

  it("answers with the view only once the record is written", () => {
    const { did } = after(READY, openRequest());
    expect(find(did, "answer")).toMatchObject({
      call: 1,
      answer: {
        kind: "opened",
        reply: { id: "s1", namespace: VIEW.path, inode: VIEW.inode, environment: { GUEST_SESSION: "s1" } },
      },
    });
    expect(kinds(did).indexOf("write-record")).toBeLessThan(kinds(did).indexOf("answer"));
  });

  it.each(OPENING.slice(0, -1))("refuses the guest and leaves nothing when %s fails", (kind) => {
    const { state, did } = after(READY, openRequest(), { failing: [kind] });
    expect(find(did, "refuse")).toMatchObject({ call: 1, code: "Failed" });
    endOf(kinds(did), OPENING.indexOf(kind) > OPENING.indexOf("write-record"));
    expect(find(did, "announce-closed")?.receipt.cause).toBe("open-failed");
    expect(state.sessions.size).toBe(0);
  });

  it("leaves the leader of a refused login alive, since it has to tell the guest why", () => {
    const { did } = after(READY, openRequest(), { failing: ["build-view"] });
    expect(find(did, "kill-processes")?.cgroups).toEqual([]);
  });

  it("hides the technical reason of a failure from the guest", () => {
    const { did } = after(READY, openRequest(), { failing: ["build-view"] });
    expect(find(did, "refuse")?.reason).not.toContain("boom");
  });

  it("tells the guest when an administrator has ended the session in between", () => {
    const { did } = interrupt(after(READY, openRequest(), { until: "build-view" }), {
      kind: "end-requested",
      id: "s1",
      call: 9,
    });
    expect(find(did, "refuse")).toMatchObject({ call: 1, code: "Refused" });
    expect(did.at(-1)).toMatchObject({ kind: "answer", call: 9, answer: { kind: "ended" } });
  });

  it("continues when only the signal cannot be sent", () => {
    expect(only(after(READY, openRequest(), { failing: ["announce-opened"] }).state)).toMatchObject({ phase: "open" });
  });

  it("is refused with the switch's reason, and creates no session", () => {
    const state = { ...READY, loginSwitch: { enabled: false, reason: "an examination" } };
    const next = happen(state, openRequest());
    expect(next.state).toEqual(state);
    expect(next.effects).toEqual([
      expect.objectContaining({
        kind: "refuse",
        code: "Refused",
        reason: expect.stringContaining("an examination") as string,
      }),
    ]);
  });

  it("passes on a refusal and creates no session", () => {
    const { state, effects } = happen(INITIAL_STATE, openRequest());
    expect(effects).toEqual([expect.objectContaining({ kind: "refuse", call: 1, code: "Refused" })]);
    expect(state.sessions.size).toBe(0);
  });

  it.each(OPENING.slice(0, -1))("is undone when the leader ends during %s", (kind) => {
    const { state, did } = interrupt(after(READY, openRequest(), { until: kind }), { kind: "leader-exited", id: "s1" });
    expect(state.sessions.size).toBe(0);
    endOf(kinds(did), OPENING.indexOf(kind) >= OPENING.indexOf("write-record"));
  });

  it("returns the same session to a leader that asks twice", () => {
    const { state, effects } = happen(opened(), openRequest({ id: "s2", call: 7 }));
    expect(effects).toEqual([
      expect.objectContaining({
        kind: "answer",
        call: 7,
        answer: expect.objectContaining({ kind: "opened" }) as unknown,
      }),
    ]);
    expect(state.sessions.size).toBe(1);
  });
});

describe("opening a leased account's session is refused", () => {
  const refused = (change: object, reason: RegExp) => {
    const { state, effects } = happen(allocated(), leasedOpen(change));
    expect(effects).toEqual([
      expect.objectContaining({
        kind: "refuse",
        call: 2,
        code: "Refused",
        reason: expect.stringMatching(reason) as string,
      }),
    ]);
    expect(only(state)).toEqual(only(allocated()));
  };

  it("to another leader than the one it was leased for", () => {
    refused({ leaderPid: 501 }, /belongs to another guest/);
  });

  it("for a UID of the range that was not leased", () => {
    refused({ account: { ...LEASED, uid: 60601 } }, /UID that is reserved/);
  });

  it("for a UID of the former range, except to the login that it was leased for", () => {
    const state = configure(allocated(), "[Guests]", "LeaseRange=65536-98303");
    for (const change of [{ leaderPid: 501 }, { account: { ...LEASED, user: "guest-bbbb" } }])
      expect(happen(state, leasedOpen(change)).effects).toMatchObject([{ kind: "refuse", code: "Refused" }]);
    expect(only(after(state, leasedOpen()).state)).toMatchObject({ phase: "open", leased: true, account: LEASED });
  });

  it("for the UID under another name", () => {
    refused({ account: { ...LEASED, user: "guest-bbbb" } }, /UID that is reserved/);
  });

  it("for the ghost itself instead of the account it got", () => {
    refused({ account: GHOST }, /this login has none/);
  });

  it("at a terminal that may be remote, and returns the account though its leader stays", () => {
    const { state, effects } = happen(allocated(), leasedOpen({ tty: "pts/3" }));
    expect(effects[0]).toMatchObject({ kind: "refuse", call: 2, code: "Refused" });
    const end = play({ state, effects });
    expect(kinds(end.did).slice(1)).toEqual([...ENDING_LEASED]);
    expect(find(end.did, "kill-processes")?.cgroups).toEqual([]);
    expect(find(end.did, "announce-closed")?.receipt).toMatchObject({ cause: "open-failed", left: [] });
    expect(end.state.sessions.size).toBe(0);
    expect(end.state.pool.rested).toEqual([LEASED.uid]);
  });

  it("while guests were switched off in between, and returns the account", () => {
    const off = { ...allocated(), loginSwitch: { enabled: false, reason: "closed" } };
    const { state, did } = after(off, leasedOpen());
    expect(did[0]).toMatchObject({ kind: "refuse", call: 2, reason: expect.stringContaining("closed") as string });
    expect(state.sessions.size).toBe(0);
  });

  it("a second time, to every leader", () => {
    const state = leasedOpened();
    expect(happen(state, leasedOpen({ leaderPid: 501 })).effects).toMatchObject([{ kind: "refuse", code: "Refused" }]);
    expect(happen(state, leasedOpen()).effects).toMatchObject([
      { kind: "answer", answer: { kind: "opened", reply: { id: "s1" } } },
    ]);
    expect(happen(state, leasedOpen()).state.sessions.size).toBe(1);
  });

  it("while the account is going back", () => {
    const { state } = happen(allocated(), { kind: "leader-exited", id: "s1" });
    expect(happen(state, leasedOpen()).effects).toMatchObject([{ kind: "refuse", code: "Refused" }]);
  });
});

describe("opening a leased account's session", () => {
  it("continues after the leasing, and ends open", () => {
    const { state, did } = after(allocated(), leasedOpen());
    // Its allocation entered it in the ledger.
    expect(kinds(did)).toEqual(OPENING_LEASED);
    expect(state.sessions.size).toBe(1);
    expect(only(state)).toMatchObject({
      id: "s1",
      phase: "open",
      leased: true,
      account: LEASED,
      view: VIEW,
      leader: { pid: 500, startTime: 42 },
    });
    expect(only(state).cgroups).toContainEqual(SLICE);
  });

  it.each([
    ["lightdm", true],
    ["gdm-password", true],
    ["login", false],
    ["greetd", false],
  ])("has greeters list the account where the greeter locks the screen: at %s, %s", (service, isListed) => {
    const { state, did } = after(allocated(), leasedOpen({ service }));
    expect(kinds(did)).toEqual([...OPENING_LEASED, ...(isListed ? ["list-account"] : [])]);
    expect(only(state).phase).toBe("open");
  });

  it("continues where greeters cannot be told", () => {
    const { state } = after(allocated(), leasedOpen({ service: "lightdm" }), { failing: ["list-account"] });
    expect(only(state).phase).toBe("open");
  });

  it("needs no namespaces of its own, since no other session has its UID", () => {
    const { did } = after(allocated(), leasedOpen());
    expect(find(did, "enclose-leader")).toMatchObject({ leased: true });
    expect(find(did, "build-view")).toMatchObject({ isolated: false });
    expect(find(did, "answer")).toMatchObject({
      call: 2,
      answer: { kind: "opened", reply: { namespace: VIEW.path, inode: VIEW.inode } },
    });
    expect(find(did, "answer")).toHaveProperty("answer.reply.isolation", undefined);
  });

  it.each(["enclose-leader", "build-view", "write-record", "permit-unlock", "answer"] as const)(
    "that fails at %s waits for its leader's end, and then ends the whole user",
    (kind) => {
      const { state, did } = after(allocated(), leasedOpen(), { failing: [kind] });
      expect(did.at(-1)).toMatchObject({ kind: "refuse", call: 2, code: "Failed" });
      expect(only(state)).toMatchObject({ phase: "allocated", cause: "open-failed" });
      const end = after(state, { kind: "leader-exited", id: "s1" });
      expect(kinds(end.did)).toEqual([...ENDING_LEASED]);
      expect(find(end.did, "announce-closed")?.receipt.cause).toBe("open-failed");
      expect(find(end.did, "kill-processes")?.cgroups).toEqual(kind === "enclose-leader" ? [] : only(state).cgroups);
      expect(end.state.sessions.size).toBe(0);
    },
  );

  it("that failed ends after a minute even if its leader stays", () => {
    const { state } = after(allocated(), leasedOpen({ uptime: 7_000 }), { failing: ["build-view"] });
    expect(happen(state, { kind: "tick", uptime: 60e6 }).effects).toEqual([]);
    expect(after(state, { kind: "tick", uptime: 61e6 }).state.sessions.size).toBe(0);
  });

  it("that failed does not let its leader in any more", () => {
    const { state } = after(allocated(), leasedOpen(), { failing: ["build-view"] });
    const { did } = after(state, leasedOpen({ call: 3 }));
    expect(find(did, "refuse")).toMatchObject({ call: 3 });
    expect(find(did, "answer")).toBeUndefined();
  });

  it.each(OPENING.slice(1, -1).filter((kind) => kind !== "enter-ledger"))(
    "is undone when the leader ends during %s",
    (kind) => {
      const { state, did } = interrupt(after(allocated(), leasedOpen(), { until: kind }), {
        kind: "leader-exited",
        id: "s1",
      });
      expect(state.sessions.size).toBe(0);
      expect(kinds(did).slice(-ENDING_LEASED.length)).toEqual([...ENDING_LEASED]);
    },
  );
});

describe("opening with an account that turned out to belong to a user of this machine", () => {
  it("does not claim it: nothing of that user is stopped, killed or swept", () => {
    const foreign = { ...recordOf(only(allocated())), published: false };
    const recovered = after(READY, recordFound(foreign)).state;
    const { state: open, did: opening } = after(recovered, leasedOpen({ service: "lightdm" }));
    expect(kinds(opening)).not.toContain("list-account");
    expect(only(open)).toMatchObject({ phase: "open", published: false, hasRecord: true });
    expect(kinds(after(open, { kind: "leader-exited", id: "s1" }).did)).toEqual(ENDING_UNMADE);
  });
});

describe("joining is refused", () => {
  const reasonOf = (state: typeof READY, uid = LEASED.uid) => {
    const { state: next, effects } = happen(state, { kind: "join-requested", id: "j1", call: 4, uid });
    expect(next).toEqual(state);
    expect(effects).toEqual([expect.objectContaining({ kind: "refuse", call: 4, code: "NoSuchSession" })]);
    return (effects[0] as { reason: string }).reason;
  };

  it("for a shared account", () => {
    expect(reasonOf(opened(), 1101)).toContain("share an account");
  });

  it("for an account without a session", () => {
    expect(reasonOf(leasedOpened(), 60601)).toContain("share an account");
  });

  it("for a leased account without a view yet", () => {
    expect(reasonOf(allocated())).toContain("not open");
    expect(reasonOf(after(allocated(), leasedOpen(), { until: "build-view" }).state)).toContain("not open");
  });

  it("when the session is ending", () => {
    expect(reasonOf(happen(leasedOpened(), { kind: "leader-exited", id: "s1" }).state)).toContain("not open");
  });

  it("when its end was requested while it opens", () => {
    const { state } = after(allocated(), leasedOpen(), { until: "write-record" });
    expect(only(state)).toMatchObject({ view: VIEW });
    expect(reasonOf(happen(state, { kind: "leader-exited", id: "s1" }).state)).toContain("not open");
  });

  it("when the session could not be opened", () => {
    expect(reasonOf(after(allocated(), leasedOpen(), { failing: ["write-record"] }).state)).toContain("not open");
  });
});

describe("joining", () => {
  it("puts a user manager into the view of the leased account's session", () => {
    const { effects } = happen(leasedOpened(), { kind: "join-requested", id: "j1", call: 4, uid: LEASED.uid });
    expect(effects).toMatchObject([
      {
        kind: "answer",
        call: 4,
        subject: { id: "s1", service: "systemd-user" },
        answer: { kind: "opened", reply: { id: "s1", namespace: VIEW.path, inode: VIEW.inode } },
      },
    ]);
  });

  it("works from the answer on, since logind starts the manager during the login", () => {
    const { state } = after(allocated(), leasedOpen(), { until: "answer" });
    expect(happen(state, { kind: "join-requested", id: "j1", call: 4, uid: LEASED.uid }).effects).toMatchObject([
      { kind: "answer", call: 4 },
    ]);
  });

  it("early does not answer the session's own login, which waits for the ledger", () => {
    const before = after(READY, allocateRequest(), {}).state;
    const writing = after(before, leasedOpen(), { until: "write-record" });
    const { did } = interrupt(writing, { kind: "join-requested", id: "j1", call: 4, uid: LEASED.uid });
    const answers = did.filter((effect) => effect.kind === "answer").map(({ call }) => call);
    expect(answers).toEqual([4, 2]);
    expect(kinds(did)).toEqual(["write-record", "answer", "permit-unlock", "answer", "announce-opened"]);
  });
});
