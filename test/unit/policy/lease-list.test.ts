import { describe, expect, it } from "vitest";
import { listLeases } from "../../../src/policy/lease-list.ts";
import type { State } from "../../../src/policy/state.ts";
import { allocated, leasedOpened, opened, READY } from "../../helpers/play.ts";
import { configOf, LEASED } from "../../helpers/samples.ts";

const withRange = (state: State, range: string): State => ({
  ...state,
  config: configOf("[Guests]", `LeaseRange=${range}`),
});
const states = (state: State) => listLeases(state).map((lease) => `${lease.uid} ${lease.state}`);

describe("listLeases", () => {
  it("names every uid of the range once, and never the ghost's", () => {
    expect(states(withRange(READY, "59999-60001"))).toEqual(["59999 unused", "60001 unused"]);
  });

  it("takes no uid of a shared account for one of the range", () => {
    expect(states(withRange(opened(), "60600-60601"))).toEqual(["60600 unused", "60601 unused"]);
  });

  it("says whose a uid is that a session has, from the first moment on", () => {
    for (const state of [allocated(), leasedOpened()]) {
      expect(listLeases(withRange(state, "60600-60600"))).toEqual([
        { uid: LEASED.uid, state: "leased", user: LEASED.user, session: "s1", reason: "" },
      ]);
    }
  });

  it("says why one is quarantined, and whether it is foreign", () => {
    const quarantined = new Map([
      [60601, { reason: "files: /tmp/x", user: "guest-bbbb" }],
      [60602, { reason: "it belongs to user60602", user: "", foreign: true }],
    ]);
    expect(listLeases({ ...withRange(READY, "60601-60602"), pool: { rested: [], quarantined } })).toEqual([
      { uid: 60601, state: "quarantined", user: "guest-bbbb", session: "", reason: "files: /tmp/x" },
      { uid: 60602, state: "foreign", user: "", session: "", reason: "it belongs to user60602" },
    ]);
  });

  it("takes a session for stronger than what was known of its uid before", () => {
    const pool = { rested: [LEASED.uid], quarantined: new Map([[LEASED.uid, { reason: "old", user: "guest-old" }]]) };
    expect(states({ ...withRange(leasedOpened(), "60600-60600"), pool })).toEqual(["60600 leased"]);
  });

  it("tells a uid that was given back from one that no session has had", () => {
    expect(states({ ...withRange(READY, "60600-60602"), pool: { rested: [60601], quarantined: new Map() } })).toEqual([
      "60600 unused",
      "60601 rested",
      "60602 unused",
    ]);
  });

  it("names what is quarantined or in use outside the range as well, in order, and where there is no range", () => {
    const pool = { rested: [61000], quarantined: new Map([[60700, { reason: "why", user: "" }]]) };
    const state: State = { ...leasedOpened(), pool };
    expect(states(withRange(state, "60800-60800"))).toEqual(["60600 leased", "60700 quarantined", "60800 unused"]);
    expect(states({ ...state, config: undefined })).toEqual(["60600 leased", "60700 quarantined"]);
  });
});
