import { describe, expect, it } from "vitest";
import { makeReceipt } from "../../src/policy/make-receipt.ts";
import type { SavedSession } from "../../src/policy/session.ts";
import type { StartupParts } from "../../src/startup.ts";
import { findLeftovers } from "../../src/startup.ts";
import type { FoundSwitch } from "../../src/system/state/switch-store.ts";
import { recordOf } from "../helpers/play.ts";
import { ENDING_SESSION, LEASED_SESSION, ON, SESSION } from "../helpers/samples.ts";

const KEPT = { rested: [], quarantined: new Map() };
const UID_MAP = [{ first: 0, last: 65_535 }];
const MOMENT = { now: 7, uptime: 9 };
const session = (id: string): SavedSession => recordOf({ ...SESSION, id });
const LEASED_RECORD = recordOf(LEASED_SESSION);

/** @returns how guestd handled what an earlier one has left */
function left(change: {
  records?: readonly SavedSession[];
  entries?: ReturnType<StartupParts["ledger"]["recover"]>["entries"];
  unclear?: readonly string[];
  receipts?: readonly string[];
  found?: FoundSwitch;
  marks?: readonly number[];
}) {
  const { records = [], entries = [], unclear = [], receipts = [], found = { loginSwitch: ON }, marks = [] } = change;
  const did: string[] = [];
  const parts: StartupParts = {
    loginSwitch: { read: () => found },
    store: {
      recover: () => ({
        sessions: records,
        rejected: unclear.map((id) => ({ file: `${id}.json`, reason: "is too large" })),
        unclear: new Set(unclear),
      }),
    },
    ledger: {
      recover: () => ({ entries, rejected: [{ file: "ledger.json", reason: "stands nowhere" }] }),
    },
    receipts: {
      recover: () => did.push("receipts sorted"),
      find: (id) =>
        did.includes("receipts sorted") && receipts.includes(id)
          ? makeReceipt({ ...ENDING_SESSION, id }, [], MOMENT)
          : undefined,
    },
    leases: {
      recover: (sessions, isUnclear, over) => {
        const names = sessions.map(({ id }) => (over?.has(id) === true ? `(${id})` : id));
        did.push(`leases of ${names.join(" ")}${isUnclear ? ", unclear" : ""}`);
        return Promise.resolve({ sessions: sessions.map((one) => ({ ...one, published: true })), kept: KEPT });
      },
    },
    reapers: {
      killOrphans: (known) => {
        did.push(`scopes but of ${[...known].sort().join(" ")}`);
        return ["guest-zzz.scope"];
      },
    },
    readUidMap: () => UID_MAP,
    marks: { list: () => [...marks] },
    journal: { logDaemon: (level, action, message) => did.push(`${level} ${action} ${message}`) },
  };
  return { events: findLeftovers(parts), did };
}

describe("findLeftovers", () => {
  it("names each unreadable file, and why", async () => {
    const { events, did } = left({ unclear: ["abc"] });
    await events;
    expect(did.filter((line) => line.startsWith("err"))).toEqual([
      "err record-rejected Set aside the record abc.json: it is too large.",
      "err record-rejected Set aside the record ledger.json: it stands nowhere.",
    ]);
  });

  it("reports an unreadable switch, and leaves it off", async () => {
    const loginSwitch = { enabled: false, reason: "switch.json cannot be read" };
    const { events, did } = left({ found: { loginSwitch, fault: "switch.json cannot be read: EIO" } });
    expect((await events)[0]).toEqual({ kind: "switch-found", loginSwitch });
    expect(did[0]).toBe(
      "err switch-rejected Guests are refused until they are switched on or off again: switch.json cannot be read: EIO",
    );
  });

  it("kills nothing of an unreadable session, which may continue", async () => {
    const { events, did } = left({
      records: [session("a")],
      entries: [
        { session: session("b"), isOfThisBoot: true },
        { session: session("c"), isOfThisBoot: false },
      ],
      unclear: ["d"],
    });
    await events;
    expect(did).toContain("scopes but of a b d");
    expect(did).toContain("leases of a b, unclear");
    expect(did.at(-2)).toContain("orphan-killed");
  });

  it("returns the switch and the UIDs first, then sessions that may continue, then those of another boot", async () => {
    const { events } = left({
      records: [LEASED_RECORD],
      entries: [
        { session: session("c"), isOfThisBoot: false },
        { session: session("b"), isOfThisBoot: true },
      ],
    });
    expect(await events).toEqual([
      { kind: "switch-found", loginSwitch: ON },
      { kind: "leases-found", kept: KEPT, uidMap: UID_MAP },
      { kind: "record-found", saved: LEASED_RECORD },
      { kind: "record-found", saved: { ...session("b"), published: true }, cause: "record-lost" },
      { kind: "record-found", saved: session("c"), cause: "lost-power" },
      { kind: "marks-found", uids: [] },
    ]);
  });

  it("returns the unlock marks, except while it is unknown which sessions continue", async () => {
    const marks = [LEASED_SESSION.account.uid, 4711];
    expect((await left({ records: [LEASED_RECORD], marks }).events).at(-1)).toEqual({
      kind: "marks-found",
      uids: marks,
    });
    expect((await left({ unclear: ["abc"], marks }).events).at(-1)).toEqual({ kind: "marks-found", uids: [] });
  });

  it("goes by the receipt of a session whose end was saved", async () => {
    const { events, did } = left({
      records: [session("a"), session("b")],
      entries: [{ session: session("c"), isOfThisBoot: false }],
      receipts: ["a", "c"],
    });
    expect(await events).toMatchObject([
      { kind: "switch-found" },
      { kind: "leases-found" },
      { receipt: { id: "a" } },
      { saved: { id: "b" }, receipt: undefined },
      { receipt: { id: "c" }, cause: "lost-power" },
      { kind: "marks-found" },
    ]);
    expect(did).toContain("leases of (a) b");
  });

  it("returns nothing where nothing is left", async () => {
    expect(await left({}).events).toEqual([
      { kind: "switch-found", loginSwitch: ON },
      { kind: "leases-found", kept: KEPT, uidMap: UID_MAP },
      { kind: "marks-found", uids: [] },
    ]);
  });
});
