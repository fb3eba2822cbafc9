import { describe, expect, it } from "vitest";
import { EMPTY_POOL } from "../../src/policy/lease.ts";
import { receiptOf } from "../../src/policy/receipt.ts";
import type { Session } from "../../src/policy/session.ts";
import type { Recorded } from "../../src/startup.ts";
import { findRecorded } from "../../src/startup.ts";
import type { FoundSwitch } from "../../src/system/state/switch-store.ts";
import { LEASED_SESSION, ON, SESSION } from "../helpers/samples.ts";

const MOMENT = { now: 7, uptime: 9 };
const session = (id: string): Session => ({ ...SESSION, id });

/** What an earlier guestd has left, and what was done about it. */
function left(change: {
  records?: readonly Session[];
  entries?: ReturnType<Recorded["ledger"]["recover"]>["entries"];
  unclear?: readonly string[];
  receipts?: readonly string[];
  loginSwitch?: FoundSwitch;
}) {
  const { records = [], entries = [], unclear = [], receipts = [], loginSwitch = { loginSwitch: ON } } = change;
  const did: string[] = [];
  const recorded: Recorded = {
    loginSwitch: { read: () => loginSwitch },
    store: {
      recover: () => ({
        sessions: records,
        rejected: unclear.map((id) => ({ file: `${id}.json`, reason: "is too large" })),
        unclear: new Set(unclear),
      }),
    },
    ledger: {
      recover: () => ({ entries, rejected: [{ file: "ledger.json", reason: "stands nowhere" }] }),
      find: (id) => (receipts.includes(id) ? receiptOf(session(id), [], MOMENT) : undefined),
    },
    leases: {
      recover: (sessions, isUnclear) => {
        did.push(`leases of ${sessions.map(({ id }) => id).join(" ")}${isUnclear ? ", unclear" : ""}`);
        return Promise.resolve({ sessions: sessions.map((one) => ({ ...one, published: true })), pool: EMPTY_POOL });
      },
    },
    reapers: {
      killOrphans: (known) => {
        did.push(`scopes but of ${[...known].sort().join(" ")}`);
        return ["guest-zzz.scope"];
      },
    },
    journal: { logDaemon: (level, action, message) => did.push(`${level} ${action} ${message}`) },
    clock: () => MOMENT,
  };
  return { events: findRecorded(recorded), did };
}

describe("findRecorded", () => {
  it("says of all that cannot be read which it is, and why", async () => {
    const { events, did } = left({ unclear: ["abc"] });
    await events;
    expect(did.filter((line) => line.startsWith("err"))).toEqual([
      "err record-rejected Set aside the record abc.json: it is too large.",
      "err record-rejected Set aside the record ledger.json: it stands nowhere.",
    ]);
  });

  it("says that the switch cannot be read, and leaves it off", async () => {
    const gate = { enabled: false, reason: "switch.json cannot be read" };
    const { events, did } = left({ loginSwitch: { loginSwitch: gate, fault: "switch.json cannot be read: EIO" } });
    expect((await events)[0]).toEqual({ kind: "gate-found", gate });
    expect(did[0]).toBe(
      "err gate-rejected Guests are refused until they are switched on or off again: switch.json cannot be read: EIO",
    );
  });

  it("kills nothing of a session that may go on, though nobody can tell it", async () => {
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

  it("tells the switch and the uids first, then the sessions that may go on, then those of another boot", async () => {
    const { events } = left({
      records: [LEASED_SESSION],
      entries: [
        { session: session("c"), isOfThisBoot: false },
        { session: session("b"), isOfThisBoot: true },
      ],
    });
    expect(await events).toEqual([
      { kind: "gate-found", gate: ON },
      { kind: "leases-found", pool: EMPTY_POOL },
      { kind: "record-found", ...MOMENT, session: LEASED_SESSION },
      { kind: "record-found", ...MOMENT, session: { ...session("b"), published: true }, cause: "record-lost" },
      { kind: "record-found", ...MOMENT, session: session("c"), cause: "lost-power" },
    ]);
  });

  it("goes by the receipt of a session whose end was written down", async () => {
    const { events } = left({
      records: [session("a")],
      entries: [{ session: session("c"), isOfThisBoot: false }],
      receipts: ["a", "c"],
    });
    expect(await events).toMatchObject([
      { kind: "gate-found" },
      { kind: "leases-found" },
      { receipt: { id: "a" } },
      { receipt: { id: "c" }, cause: "lost-power" },
    ]);
  });

  it("finds that there is nothing", async () => {
    expect(await left({}).events).toEqual([
      { kind: "gate-found", gate: ON },
      { kind: "leases-found", pool: EMPTY_POOL },
    ]);
  });
});
