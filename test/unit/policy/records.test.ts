import { describe, expect, it } from "vitest";
import { answerAllocate, answerOpen, receiptOf, subjectOf } from "../../../src/policy/records.ts";
import { ISOLATION, LEASED, LEASED_SESSION, SESSION, VIEW } from "../../helpers/samples.ts";

describe("answerOpen", () => {
  it("lets nobody in without a view", () => {
    const { view: _none, ...session } = SESSION;
    expect(answerOpen(session)).toMatchObject({ kind: "error", code: "Failed" });
  });

  it("gives a shared account's session the namespaces of processes and IPC", () => {
    expect(answerOpen(SESSION)).toEqual({
      kind: "opened",
      reply: { id: "abc", namespace: VIEW.path, inode: VIEW.inode, environment: { GUEST_SESSION: "abc" }, isolation: ISOLATION },
    });
  });

  it("gives a leased account's none of them", () => {
    expect(answerOpen(LEASED_SESSION)).toEqual({
      kind: "opened",
      reply: { id: "abc", namespace: VIEW.path, inode: VIEW.inode, environment: { GUEST_SESSION: "abc" } },
    });
  });
});

describe("answerAllocate", () => {
  it("gives the name to log in as", () => {
    expect(answerAllocate(LEASED_SESSION)).toEqual({ kind: "allocated", allocation: { verdict: "leased", user: LEASED.user } });
  });
});

describe("subjectOf", () => {
  it("names the session as all lines of the journal do", () => {
    expect(subjectOf(LEASED_SESSION)).toEqual({ id: "abc", user: LEASED.user, uid: LEASED.uid, leader: 500, service: "login" });
  });
});

describe("receiptOf", () => {
  it("counts the seconds by the clock that nobody sets, and never less than none", () => {
    expect(receiptOf(SESSION, { now: 0, uptime: 7_000 + 1_499_999 })).toMatchObject({ openedAt: 1_000, closedAt: 0, seconds: 1 });
    expect(receiptOf({ ...SESSION, openedUptime: 9e6 }, { now: 5, uptime: 0 })).toMatchObject({ closedAt: 5, seconds: 0 });
  });

  it("says what was found, and of which sort the account was", () => {
    const found = { processesKilled: 3, tmpfsBytes: 4096, left: ["drop-view: boom"] };
    expect(receiptOf({ ...LEASED_SESSION, cause: "logout", found }, { now: 1, uptime: 7_000 })).toEqual({
      id: "abc",
      user: LEASED.user,
      uid: LEASED.uid,
      leased: true,
      service: "login",
      leader: 500,
      cause: "logout",
      openedAt: 1_000,
      closedAt: 1,
      seconds: 0,
      ...found,
    });
  });
});
