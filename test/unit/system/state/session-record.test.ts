import { describe, expect, it } from "vitest";
import type { SavedSession } from "../../../../src/policy/session.ts";
import {
  checkId,
  formatRecord,
  isId,
  parseRecord,
  RECORD_VERSION,
} from "../../../../src/system/state/session-record.ts";
import { recordOf } from "../../../helpers/play.ts";
import {
  ALLOCATED_SESSION,
  CGROUP,
  ENDING_SESSION,
  endingOf,
  ISOLATION,
  LEASED_SESSION,
  SESSION,
  SLICE,
  VIEW,
} from "../../../helpers/samples.ts";

describe("checkId", () => {
  it.each(["", ".", "..", "a/b", "a.b", "ABC", "a b", "a\n", "ä", "a-b", "x".repeat(65)])(
    "rejects %j as a file name",
    (id) => {
      expect(() => checkId(id)).toThrow("is not a session's id");
      expect(isId(id)).toBe(false);
    },
  );

  it.each(["a", "abc234", "x".repeat(64)])("returns %j unchanged", (id) => {
    expect(checkId(id)).toBe(id);
  });
});

describe("parseRecord", () => {
  const [SAVED, LEASED, ALLOCATED, ENDING] = [SESSION, LEASED_SESSION, ALLOCATED_SESSION, ENDING_SESSION].map(
    recordOf,
  ) as [SavedSession, SavedSession, SavedSession, SavedSession];
  const parse = (session: object | undefined, id = "abc") =>
    parseRecord(JSON.stringify({ version: RECORD_VERSION, session }), id).session;
  const isolated = (change: object) => ({ ...VIEW, isolation: { ...ISOLATION, ...change } });

  it("rejects a file that is too large", () => {
    expect(() => parseRecord(" ".repeat(1024 * 1024) + formatRecord(SAVED), "abc")).toThrow("is too large");
  });

  it("reads version 3, in which a leased session has no IPC namespace", () => {
    const leased = { ...SAVED, leased: true, cgroups: [], view: VIEW };
    expect(parseRecord(JSON.stringify({ version: 3, session: leased }), "abc").session).toMatchObject({ view: VIEW });
    expect(parseRecord(JSON.stringify({ version: 3, session: SAVED }), "abc").session).toEqual(SAVED);
  });

  it.each([1, 2, 5, "3", "4", undefined])("rejects version %j", (version) => {
    expect(RECORD_VERSION).toBe(4);
    expect(() => parseRecord(JSON.stringify({ version, session: SAVED }), "abc")).toThrow(
      `has version ${String(version)}, expected 4`,
    );
  });

  it.each<[string, object]>([
    ["names another session", { id: "def" }],
    ["names another session", { id: undefined }],
    ["lacks a number", { openedAt: "1000" }],
    ["lacks a number", { openedUptime: 0 }],
    ["lacks a number", { leader: { pid: -1, startTime: 42 } }],
    ["lacks a number", { leader: { pid: 500 } }],
    ["lacks a number", { account: { ...SAVED.account, uid: 0 } }],
    ["names no terminal", { leader: { ...SAVED.leader, terminal: "/dev/pts/../sda" } }],
    ["names no terminal", { leader: { ...SAVED.leader, terminal: 7 } }],
    ["lacks a name", { account: { ...SAVED.account, user: 7 } }],
    ["lacks a name", { service: undefined }],
    ["has no type of account", { leased: undefined }],
    ["has no type of account", { leased: "no" }],
    ["has no type of account", { published: undefined }],
    ["waits for a login with an account of others", { phase: "allocated", leased: false }],
    ["lacks its limits", { limits: undefined }],
    ["lacks its cgroups", { cgroups: undefined }],
    ["lacks its cgroups", { cgroups: [{ path: "/", inode: "1" }] }],
    ["lacks its cgroups", { cgroups: [{ path: CGROUP.path, inode: "one" }] }],
    ["lacks its plan", { plan: undefined }],
    ["lacks its plan", { plan: [{ kind: "tmpfs" }] }],
    ["does not say which terms were accepted", { acceptance: {} }],
    ["does not say which terms were accepted", { acceptance: { digest: "a".repeat(64), at: 0 } }],
    ["does not say which terms were accepted", { acceptance: { digest: "yes\n", at: 1 } }],
    ["has an unknown phase", { phase: undefined }],
    ["has an unknown phase", { phase: "recovering" }],
    ["has an unknown phase", { phase: "allocating" }],
    ["has an unknown phase", { phase: "opening" }],
    ["has an unknown phase", { phase: "toString" }],
    ["lacks its view", { view: undefined }],
    ["lacks its view", { view: null }],
    ["lacks its view", { view: "gone" }],
    // From an earlier guestd: a lost view.
    ["lacks its view", { view: undefined, isViewLost: true }],
    ["lacks its view", { view: { ...isolated({}), inode: 0 } }],
    ["lacks its view", { view: { ...isolated({}), devices: undefined } }],
    ["lacks its view", { view: { ...isolated({}), devices: [51] } }],
    ["lacks its view", { view: { ...isolated({}), skipped: undefined } }],
    ["lacks its view", { phase: "ending", cause: "logout", view: {} }],
    ["lacks its view", { phase: "ending", cause: "logout", view: null }],
    ["has the view of a leased session", { view: VIEW }],
    ["has the view of a shared session", { leased: true, cgroups: [] }],
    [
      "lacks its namespaces",
      { leased: true, cgroups: [], view: { ...VIEW, isolation: { ipc: { inode: 0, path: "/x" } } } },
    ],
    ["lacks its namespaces", { view: isolated({ processes: { path: "/x" } }) }],
    ["lacks its namespaces", { view: isolated({ ipc: { inode: 0, path: "/x" } }) }],
    ["lacks its namespaces", { view: isolated({ reaper: { pid: 900 } }) }],
    ["does not say why it ends", { phase: "ending" }],
    ["does not say why it ends", { phase: "ending", view: "lost" }],
    ["does not say why it ends", { phase: "ending", cause: 7 }],
  ])("reports that a record %s (%j)", (reason, change) => {
    expect(() => parse({ ...SAVED, ...change })).toThrow(reason);
  });

  it("rejects an invalid id, though it is the file's name", () => {
    expect(() => parse({ ...SAVED, id: "a.b" }, "a.b")).toThrow("names another session");
    expect(() => parse(undefined)).toThrow("names another session");
  });

  it("rejects a cgroup of the other account type", () => {
    expect(() => parse({ ...LEASED, cgroups: [CGROUP] })).toThrow("lacks its cgroups");
    expect(() => parse({ ...SAVED, cgroups: [SLICE] })).toThrow("lacks its cgroups");
  });

  it("returns what was saved, in each phase and with each kind of view", () => {
    const records = [SAVED, LEASED, ALLOCATED, ENDING, recordOf(endingOf(LEASED_SESSION, { view: undefined }))];
    const acceptance = { digest: "a1".repeat(32), at: 1_000 };
    const others = [
      { ...SAVED, view: "lost" },
      { ...ENDING, view: "lost" },
      { ...LEASED, acceptance },
    ];
    for (const record of [...records, ...others]) expect(parse(record)).toEqual(record);
  });

  it("drops the calls and findings of an earlier guestd, and unknown fields", () => {
    const found = { processesKilled: 3, tmpfsBytes: 4096, swept: [], left: ["drop-view: boom"] };
    expect(parse({ ...SAVED, call: 7, endCalls: [8], hasRecord: false, pamClosed: true })).toEqual(SAVED);
    expect(parse({ ...ENDING, endCalls: [8], found, receipt: { left: "nothing" } })).toEqual(ENDING);
    expect(parse({ ...ALLOCATED, view: {}, cause: 7 })).toEqual(ALLOCATED);
  });

  it("accepts a missing view where the session has none yet or any more", () => {
    const { view: _none, ...ending } = { view: undefined, ...recordOf(endingOf(LEASED_SESSION)) };
    for (const record of [ALLOCATED, ending]) expect(parse(record).phase).toBe(record.phase);
  });

  it("returns the boot, where that was saved", () => {
    expect(parseRecord(formatRecord(SAVED, "b1"), "abc").boot).toBe("b1");
    expect(parseRecord(formatRecord(SAVED), "abc").boot).toBeUndefined();
    const odd = JSON.stringify({ version: RECORD_VERSION, boot: 5, session: SAVED });
    expect(parseRecord(odd, "abc").boot).toBeUndefined();
  });
});
