import { describe, expect, it } from "vitest";
import { answerAllocate, answerOpen, subjectOf } from "../../../src/policy/records.ts";
import { ISOLATION, LEASED, LEASED_SESSION, SESSION, VIEW } from "../../helpers/samples.ts";

describe("answerOpen", () => {
  it("lets nobody in without a view", () => {
    const { view: _none, ...session } = SESSION;
    expect(answerOpen(session)).toMatchObject({ kind: "error", code: "Failed" });
  });

  it("gives a shared account's session the namespaces of processes and IPC", () => {
    expect(answerOpen(SESSION)).toEqual({
      kind: "opened",
      reply: {
        id: "abc",
        namespace: VIEW.path,
        inode: VIEW.inode,
        environment: { GUEST_SESSION: "abc" },
        isolation: ISOLATION,
      },
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
    expect(answerAllocate(LEASED_SESSION)).toEqual({
      kind: "allocated",
      allocation: { verdict: "leased", user: LEASED.user },
    });
  });
});

describe("subjectOf", () => {
  it("names the session as all lines of the journal do", () => {
    expect(subjectOf(LEASED_SESSION)).toEqual({
      id: "abc",
      user: LEASED.user,
      uid: LEASED.uid,
      leader: 500,
      service: "login",
    });
  });
});
