import { describe, expect, it } from "vitest";
import { answerAllocate, answerOpen } from "../../../src/policy/answer.ts";
import { ISOLATION, LEASED, VIEW } from "../../helpers/samples.ts";

describe("answerOpen", () => {
  it("returns the PID and IPC namespaces of a shared account's session", () => {
    expect(answerOpen("abc", { ...VIEW, isolation: ISOLATION })).toEqual({
      kind: "opened",
      reply: {
        id: "abc",
        namespace: VIEW.path,
        inode: VIEW.inode,
        environment: { GUEST_SESSION: "abc" },
        isolation: ISOLATION,
        notice: "",
      },
    });
  });

  it("returns none of them for a leased account", () => {
    expect(answerOpen("abc", VIEW)).toEqual({
      kind: "opened",
      reply: {
        ...{ id: "abc", namespace: VIEW.path, inode: VIEW.inode, environment: { GUEST_SESSION: "abc" } },
        notice: "",
      },
    });
  });
});

describe("answerAllocate", () => {
  it("returns the name to log in as", () => {
    expect(answerAllocate(LEASED.user)).toEqual({
      kind: "allocated",
      allocation: { verdict: "leased", user: LEASED.user },
    });
  });
});
