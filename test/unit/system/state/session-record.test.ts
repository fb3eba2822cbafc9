import { describe, expect, it } from "vitest";
import { checkId, formatRecord, isId, parseRecord } from "../../../../src/system/state/session-record.ts";
import { LEASED_SESSION, SESSION } from "../../../helpers/samples.ts";

describe("checkId", () => {
  it.each(["", ".", "..", "a/b", "a.b", "ABC", "a b", "a\n", "ä", "a-b", "x".repeat(65)])(
    "takes %j for no name of a file",
    (id) => {
      expect(() => checkId(id)).toThrow("is not a session's id");
      expect(isId(id)).toBe(false);
    },
  );

  it.each(["a", "abc234", "x".repeat(64)])("gives %j back", (id) => {
    expect(checkId(id)).toBe(id);
  });
});

describe("parseRecord", () => {
  const reject = (change: object) => () => parseRecord(formatRecord({ ...SESSION, ...change }), "abc");

  it("believes nothing that is too large", () => {
    expect(() => parseRecord(" ".repeat(1024 * 1024) + formatRecord(SESSION), "abc")).toThrow("is too large");
  });

  it.each<[string, object]>([
    ["stands nowhere", { phase: "recovering" }],
    ["stands nowhere", { phase: "allocating" }],
    ["lacks its view", { view: undefined }],
    ["lacks its view", { phase: "ending", view: {} }],
    ["lacks its view", { view: { ...SESSION.view, skipped: undefined } }],
    ["lacks its plan", { plan: [{ kind: "tmpfs" }] }],
    ["lacks a name", { account: { ...SESSION.account, user: 7 } }],
    ["has half a receipt", { receipt: { left: "nothing" } }],
    [
      "lacks its namespaces",
      { view: { ...SESSION.view, isolation: { ...SESSION.view?.isolation, processes: { path: "/x" } } } },
    ],
    ["has a view of the other sort of account", { leased: true, cgroups: [] }],
    ["lacks a number", { openedUptime: 0 }],
    ["lacks a number", { leader: { pid: -1, startTime: 42 } }],
    ["lacks its cgroups", { cgroups: [{ path: "/", inode: "1" }] }],
    ["names another session", { id: "def" }],
  ])("says that a record %s", (reason, change) => {
    expect(reject(change)).toThrow(reason);
  });

  it("forgets the calls of an earlier guestd, and what it had found", () => {
    const found = { processesKilled: 3, tmpfsBytes: 4096, swept: [], left: ["drop-view: boom"] };
    const { session } = parseRecord(
      formatRecord({ ...SESSION, phase: "ending", cause: "logout", openCall: 7, endCalls: [8], found }),
      "abc",
    );
    expect(session).toEqual({ ...SESSION, phase: "ending", cause: "logout" });
  });

  it("needs no view of a session that has none any more, or none yet", () => {
    const { view: _none, ...rest } = LEASED_SESSION;
    for (const phase of ["allocated", "ending"] as const)
      expect(parseRecord(formatRecord({ ...rest, phase }), "abc").session.phase).toBe(phase);
  });

  it("says of which boot of the machine it is, where that was written down", () => {
    expect(parseRecord(formatRecord(SESSION, "b1"), "abc").boot).toBe("b1");
    expect(parseRecord(formatRecord(SESSION), "abc").boot).toBeUndefined();
    expect(parseRecord(JSON.stringify({ version: 2, boot: 5, session: SESSION }), "abc").boot).toBeUndefined();
  });
});
