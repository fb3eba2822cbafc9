import { describe, expect, it } from "vitest";
import type { MethodParts } from "../../../src/bus/methods.ts";
import { makeMethods } from "../../../src/bus/methods.ts";
import { PendingCalls } from "../../../src/bus/pending.ts";
import { toPlain, unwrap } from "../../../src/bus/values.ts";
import type { Answer } from "../../../src/policy/answer.ts";
import type { What } from "../../../src/policy/events.ts";
import { makeReceipt } from "../../../src/policy/make-receipt.ts";
import type { Receipt } from "../../../src/policy/receipt.ts";
import { INITIAL_STATE } from "../../../src/policy/state.ts";
import { configure, leasedOpened, READY } from "../../helpers/play.ts";
import { configOf, ENDING_SESSION } from "../../helpers/samples.ts";

const MOMENT = { now: 2_000, uptime: 9_000 };
const CLEAN = makeReceipt({ ...ENDING_SESSION, id: "a" }, [], MOMENT);
const DIRTY = makeReceipt({ ...ENDING_SESSION, id: "b" }, ["mounts"], MOMENT);

/** The methods of a daemon that answers each call at once. */
function methodsWith({
  state = READY,
  answer,
  receipts = [DIRTY, CLEAN],
}: { state?: typeof READY; answer?: Answer; receipts?: readonly Receipt[] } = {}) {
  const events: What[] = [];
  const pending = new PendingCalls();
  const parts: Partial<MethodParts> = {
    state: () => state,
    dispatch: (event) => {
      events.push(event);
      if ("call" in event && answer !== undefined) pending.answer(event.call, answer);
    },
    pending,
    version: "1",
    configuration: { errors: [], fallback: "", load: () => [], settings: [] },
    receipts: { list: () => Promise.resolve(receipts), find: (id) => receipts.find((receipt) => receipt.id === id) },
  };
  const call = (name: string, ...args: readonly unknown[]) => {
    const method = makeMethods(parts as MethodParts).find((row) => row.name === name);
    if (method === undefined) throw new Error(`no method ${name}`);
    return method.handle(args, { name: ":1.9", uid: 0, pid: 500 }, performance.now());
  };
  return { events, call };
}

const ids = ([list]: readonly unknown[]) => (list as unknown[]).map((one) => unwrap(one)["id"]);

describe("GetReceipt", () => {
  it.each(["c", "", "../../etc/passwd"])("reports that there is no receipt for %j, and where to look", async (id) => {
    await expect(methodsWith().call("GetReceipt", id)).rejects.toMatchObject({
      code: "NoSuchReceipt",
      message: expect.stringContaining("guestctl receipts") as string,
    });
  });

  it("returns the receipt of the session", async () => {
    const [record] = await methodsWith().call("GetReceipt", "b");
    expect(unwrap(record)).toMatchObject({ id: "b", clean: false, left: ["mounts: not checked"] });
  });
});

describe("ListReceipts", () => {
  it("returns all receipts, or only the unclean ones, in the order of the store", async () => {
    expect(ids(await methodsWith().call("ListReceipts", false))).toEqual(["b", "a"]);
    expect(ids(await methodsWith().call("ListReceipts", true))).toEqual(["b"]);
    expect(ids(await methodsWith({ receipts: [] }).call("ListReceipts", false))).toEqual([]);
  });
});

describe("DescribeReceipts", () => {
  it.each([true, false])("returns what ListReceipts does, in JSON (failed: %s)", async (failed) => {
    const [text] = await methodsWith().call("DescribeReceipts", failed);
    const [list] = await methodsWith().call("ListReceipts", failed);
    expect(JSON.parse(String(text))).toEqual(toPlain(list));
    expect(JSON.parse(String(text))).toMatchObject(
      [{ id: "b", clean: false, closed: DIRTY.closedAt * 1000 }, { id: "a" }].slice(0, failed ? 1 : 2),
    );
  });
});

describe("ListLeases", () => {
  it("returns the state of each UID in the range", async () => {
    const state = configure(leasedOpened(), "[Guests]", "LeaseRange=60600-60601");
    const [list] = await methodsWith({ state }).call("ListLeases");
    expect((list as unknown[]).map((one) => ({ ...unwrap(one) }))).toEqual([
      { uid: 60600, last: 60600, state: "leased", user: "guest-aaaa", session: "s1", reason: "" },
      { uid: 60601, last: 60601, state: "unused", user: "", session: "", reason: "" },
    ]);
  });
});

describe("ReleaseLease", () => {
  it("returns nothing, once the UID is released", async () => {
    const { events, call } = methodsWith({ answer: { kind: "released" } });
    expect(await call("ReleaseLease", 60601)).toEqual([]);
    expect(events).toEqual([{ kind: "release-requested", uid: 60601, call: 1 }]);
  });

  it.each<[string, Answer, object]>([
    [
      "a uid that is not quarantined",
      { kind: "error", code: "NoSuchLease", reason: "It is not." },
      { code: "NoSuchLease", message: "It is not." },
    ],
    ["a disk that is full", { kind: "error", code: "Failed", reason: "no space" }, { code: "Failed" }],
    [
      "an answer to another call",
      { kind: "ended", receipt: CLEAN },
      { message: expect.stringContaining("unexpected answer") as string },
    ],
  ])("fails for %s", async (_, answer, error) => {
    await expect(methodsWith({ answer }).call("ReleaseLease", 60601)).rejects.toMatchObject(error);
  });
});

describe("SetEnabled", () => {
  it.each<[string, boolean, string]>([
    ["a reason of two lines", false, "no\nguests"],
    ["a reason that would steer a terminal", false, "\u001b[2J"],
    ["a reason that is read backwards", false, "\u202ex"],
    ["a reason that is too long to read", false, "a".repeat(201)],
    ["a reason of too many bytes", false, "€".repeat(134)],
    ["a reason to let guests in", true, "an empty reason to refuse guests"],
  ])("refuses %s, and does nothing", async (_, enabled, reason) => {
    const { events, call } = methodsWith({ answer: { kind: "switched" } });
    await expect(call("SetEnabled", enabled, reason)).rejects.toMatchObject({ code: "InvalidArgument" });
    expect(events).toEqual([]);
  });

  it("fails when the switch cannot be saved", async () => {
    const answer: Answer = { kind: "error", code: "Failed", reason: "no space" };
    await expect(methodsWith({ answer }).call("SetEnabled", true, "")).rejects.toMatchObject({
      code: "Failed",
      message: "no space",
    });
  });

  it.each([
    [true, "", { enabled: true, reason: "" }],
    [false, "", { enabled: false, reason: "" }],
    [false, ` ${"ä".repeat(200)} `, { enabled: false, reason: "ä".repeat(200) }],
  ])("succeeds once the switch is saved (%j, %j)", async (enabled, reason, loginSwitch) => {
    const { events, call } = methodsWith({ answer: { kind: "switched" } });
    expect(await call("SetEnabled", enabled, reason)).toEqual([]);
    expect(events).toEqual([{ kind: "switch-requested", loginSwitch, call: 1 }]);
  });
});

describe("CheckLogins", () => {
  it("returns the findings and their time", async () => {
    const checkLogins = () => Promise.resolve({ fault: "No.", warnings: ["w"], checkedAt: 2 });
    const [method] = makeMethods({ checkLogins } as Partial<MethodParts> as MethodParts).filter(
      ({ name }) => name === "CheckLogins",
    );
    const [found] = (await method?.handle([], { name: ":1.9", uid: 0, pid: 500 }, 0)) ?? [];
    expect(unwrap(found)).toEqual({ fault: "No.", warnings: ["w"], checked: 2000n });
  });
});

describe("GetStatus", () => {
  it.each([
    [
      "nothing is known",
      INITIAL_STATE,
      { enabled: false, switch: false, reason: "they have not been switched on yet" },
    ],
    [
      "the switch is off",
      { ...READY, loginSwitch: { enabled: false, reason: "an examination" } },
      { enabled: false, switch: false, reason: "an examination" },
    ],
    [
      "the configuration says no",
      { ...READY, config: configOf("[Guests]", "Enabled=no") },
      { enabled: false, switch: true, reason: "" },
    ],
    ["the configuration has errors", { ...READY, config: undefined }, { enabled: false, switch: true, reason: "" }],
    ["both say yes", READY, { enabled: true, switch: true, reason: "" }],
  ])("reports whether guests may log in when %s", async (_, state, expected) => {
    const [status] = await methodsWith({ state }).call("GetStatus");
    expect(unwrap(status)).toEqual({ version: "1", sessions: 0, errors: [], ...expected });
  });
});

describe("EndSession", () => {
  it("returns the receipt, clean or not", async () => {
    const { events, call } = methodsWith({ answer: { kind: "ended", receipt: DIRTY } });
    const [record] = await call("EndSession", "b");
    expect(unwrap(record)).toMatchObject({ id: "b", clean: false });
    expect(events).toEqual([{ kind: "end-requested", id: "b", call: 1 }]);
  });

  it("reports that there is no such session", async () => {
    const answer: Answer = { kind: "error", code: "NoSuchSession", reason: "There is none." };
    await expect(methodsWith({ answer }).call("EndSession", "x")).rejects.toMatchObject({ code: "NoSuchSession" });
  });
});
