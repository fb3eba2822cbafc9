import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NOTHING_FOUND } from "../../../../src/policy/receipt.ts";
import type { Ending } from "../../../../src/policy/session.ts";
import { formatRecord, RECORD_VERSION } from "../../../../src/system/state/session-record.ts";
import { SessionStore } from "../../../../src/system/state/session-store.ts";
import { recordOf } from "../../../helpers/play.ts";
import {
  ALLOCATED_SESSION,
  ENDING_SESSION,
  GUEST,
  ISOLATION,
  LEASED,
  LEASED_SESSION as LEASED_OPEN,
  SESSION as OPEN,
  VIEW,
} from "../../../helpers/samples.ts";

let root: string;
let directory: string;
let store: SessionStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-store-"));
  directory = join(root, "sessions");
  store = new SessionStore(root);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const [SESSION, LEASED_SESSION] = [recordOf({ ...OPEN, endCalls: [8] }), recordOf(LEASED_OPEN)];
const OPEN_VIEW = { ...VIEW, isolation: ISOLATION };

describe("SessionStore sets aside, without a session,", () => {
  const record = (change: object, session = SESSION) => formatRecord({ ...session, ...change });
  it.each([
    ["garbage", "}{"],
    ["an empty file", ""],
    ["half a record", record({}).slice(0, 100)],
    ["another version", JSON.stringify({ version: RECORD_VERSION + 1, session: SESSION })],
    ["another session's record", record({ id: "other" })],
    ["a record without a leader's start time", record({ leader: { pid: 500 } })],
    ["a record with text for a number", record({ leader: { pid: "500", startTime: 42 } })],
    ["a record without its view", record({ view: undefined })],
    ["a record of a session that does not say why it ends", record({ phase: "ending" })],
    ["a record without cgroups", record({ cgroups: undefined })],
    ["a record that is null", "null"],
    ["a record that does not say whether it is leased", record({ leased: undefined })],
    ["a record without limits", record({ limits: undefined })],
    ["a record of a session without a phase", record({ phase: "opening" })],
    ["a record of a session that is being taken up", record({ phase: "recovering" })],
    [
      "a record of an ending session with garbage for its view",
      record({ phase: "ending", cause: "logout", view: { inode: 5 } }),
    ],
    ["a shared account's record without namespaces", record({ view: VIEW })],
    [
      "a record without its reaper's start time",
      record({ view: { ...VIEW, isolation: { ...ISOLATION, reaper: { pid: 900 } } } }),
    ],
    [
      "a record without the number of a namespace",
      record({ view: { ...VIEW, isolation: { ...ISOLATION, ipc: { path: "/x" } } } }),
    ],
    ["a leased account's record with namespaces", record({ view: OPEN_VIEW }, LEASED_SESSION)],
    [
      "a leased account's record with logind's own cgroup",
      record({
        leased: true,
        view: VIEW,
        cgroups: [{ path: "/user.slice/user-1101.slice/session-1.scope", inode: "1" }],
      }),
    ],
    [
      "a shared account's record with its whole user",
      record({ cgroups: [{ path: "/user.slice/user-1101.slice", inode: "1" }] }),
    ],
    [
      "a leased account's record with another user's slice",
      record({ leased: true, view: VIEW, cgroups: [{ path: "/user.slice/user-11010.slice", inode: "1" }] }),
    ],
  ])("%s", (_, text) => {
    store.write(SESSION);
    writeFileSync(join(directory, "abc.json"), text);
    const { sessions, rejected } = store.recover();
    expect(sessions).toEqual([]);
    expect(rejected).toHaveLength(1);
    expect(readdirSync(directory)).toEqual(["abc.json.rejected"]);
    // The session may continue: its account still gets no user manager.
    expect(readdirSync(join(root, `unmanaged/${GUEST.uid}`))).toEqual(["abc"]);
  });
});

describe("SessionStore rejects cgroups outside a session:", () => {
  it.each([
    "/",
    "/system.slice",
    "/user.slice",
    "/user.slice/user-1000.slice",
    "/init.scope",
    "/system.slice/box.service/user.slice/session-1.scope",
    "/user.slice/../session-1.scope",
  ])("not %s", (path) => {
    store.write({ ...SESSION, cgroups: [{ path, inode: "1" }] });
    expect(store.recover()).toMatchObject({ sessions: [], rejected: [{ reason: "lacks its cgroups" }] });
  });
});

describe("SessionStore remembers unreadable sessions", () => {
  const marks = () => readdirSync(join(root, `unmanaged/${GUEST.uid}`));
  const unclear = (from: SessionStore) => [...from.recover().unclear].sort();

  beforeEach(() => {
    for (const id of ["abc", "def", "ghi"]) store.write({ ...SESSION, id });
    writeFileSync(join(directory, "abc.json"), "}{");
  });

  it("across further starts, and keeps the marks", () => {
    expect(unclear(store)).toEqual(["abc"]);
    expect(unclear(new SessionStore(root))).toEqual(["abc"]);
    writeFileSync(join(directory, "def.json"), "");
    const { sessions, rejected, unclear: both } = new SessionStore(root).recover();
    expect({
      ids: sessions.map(({ id }) => id),
      files: rejected.map(({ file }) => file),
      both: [...both].sort(),
    }).toEqual({
      ids: ["ghi"],
      files: [join(directory, "def.json")],
      both: ["abc", "def"],
    });
    expect(marks().sort()).toEqual(["abc", "def", "ghi"]);
  });

  it("even when nothing else is left", () => {
    store.recover();
    for (const id of ["def", "ghi"]) store.remove(id, GUEST.uid);
    expect(unclear(new SessionStore(root))).toEqual(["abc"]);
    expect(marks()).toEqual(["abc"]);
  });

  it("until root removes the files set aside", () => {
    store.recover();
    rmSync(join(directory, "abc.json.rejected"));
    expect(unclear(new SessionStore(root))).toEqual([]);
    expect(marks().sort()).toEqual(["def", "ghi"]);
  });

  it("and ignores other files", () => {
    writeFileSync(join(directory, "xyz.rejected"), "");
    writeFileSync(join(directory, "notes"), "");
    expect(unclear(store)).toEqual(["abc"]);
  });
});

describe("SessionStore", () => {
  it("returns what it was given, without cancelled calls", () => {
    store.write(SESSION);
    expect(store.recover()).toEqual({ sessions: [recordOf(OPEN)], rejected: [], unclear: new Set() });
    expect(SESSION).not.toHaveProperty("endCalls");
  });

  it("makes its records readable only for root", () => {
    store.write(SESSION);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, "abc.json")).mode & 0o777).toBe(0o600);
  });

  it("leaves no partial file behind", () => {
    store.write(SESSION);
    expect(readdirSync(directory)).toEqual(["abc.json"]);
  });

  it("removes a record, and accepts a missing one", () => {
    store.write(SESSION);
    store.remove("abc", GUEST.uid);
    store.remove("abc", GUEST.uid);
    expect(existsSync(join(directory, "abc.json"))).toBe(false);
  });

  it("uses no invalid id as a path", () => {
    expect(() => {
      store.remove("../../etc/passwd", 1);
    }).toThrow(/not a session's id/);
  });

  it("marks a shared account until its last session is gone, to prevent a user manager", () => {
    const marks = join(root, `unmanaged/${GUEST.uid}`);
    store.write(SESSION);
    store.write({ ...SESSION, id: "def" });
    store.remove("abc", GUEST.uid);
    expect(readdirSync(marks)).toEqual(["def"]);
    store.remove("def", GUEST.uid);
    expect(existsSync(marks)).toBe(false);
  });

  it("removes leftovers of a session that was never saved", () => {
    store.write(SESSION);
    renameSync(join(directory, "abc.json"), join(directory, "abc.json.new"));
    expect(store.recover()).toEqual({ sessions: [], rejected: [], unclear: new Set() });
    expect(readdirSync(directory)).toEqual([]);
    expect(readdirSync(join(root, "unmanaged"))).toEqual([]);
  });

  it("recovers nothing before it is first written", () => {
    expect(store.recover()).toEqual({ sessions: [], rejected: [], unclear: new Set() });
  });

  it("returns a leased account's session, also during its login", () => {
    const waiting = recordOf({ ...ALLOCATED_SESSION, id: "def" });
    store.write(LEASED_SESSION);
    store.write(waiting);
    expect(store.recover()).toEqual({ sessions: [LEASED_SESSION, waiting], rejected: [], unclear: new Set() });
  });

  it("returns an ending session, with its view or without, to be searched again", () => {
    const found = { ...NOTHING_FOUND, left: ["note-ending: boom"] };
    const ending = (id: string, change: Partial<Ending>) => recordOf({ ...ENDING_SESSION, id, ...change });
    const views = { abc: OPEN_VIEW, def: undefined, ghi: "lost" } as const;
    for (const [id, view] of Object.entries(views)) store.write(ending(id, { view, found }));
    expect(store.recover().sessions).toEqual(Object.entries(views).map(([id, view]) => ending(id, { view })));
  });

  it("removes a record that was set aside, too, when its session is over", () => {
    store.write(SESSION);
    writeFileSync(join(directory, "abc.json"), "}{");
    expect([...store.recover().unclear]).toEqual(["abc"]);
    store.remove("abc", GUEST.uid);
    expect(readdirSync(directory)).toEqual([]);
    expect([...store.recover().unclear]).toEqual([]);
  });

  it("allows a leased account its user manager, as its UID has only one view", () => {
    store.write(LEASED_SESSION);
    expect(existsSync(join(root, `unmanaged/${LEASED.uid}`))).toBe(false);
    store.remove(LEASED_SESSION.id, LEASED.uid);
    expect(readdirSync(directory)).toEqual([]);
  });
});
