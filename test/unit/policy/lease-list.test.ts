import { describe, expect, it } from "vitest";
import { listLeases } from "../../../src/policy/lease-list.ts";
import type { State } from "../../../src/policy/state.ts";
import { allocated, configure, leasedOpened, opened, READY, withKept } from "../../helpers/play.ts";
import { LEASED } from "../../helpers/samples.ts";

const withRange = (state: State, range: string): State => configure(state, "[Guests]", `LeaseRange=${range}`);
const states = (state: State) =>
  listLeases(state).map(({ uid, last, state: what }) => `${uid === last ? uid : `${uid}-${last}`} ${what}`);

describe("listLeases", () => {
  it("names every UID of the range once, and never the ghost's", () => {
    expect(states(withRange(READY, "59999-60001"))).toEqual(["59999 unused", "60001 unused"]);
  });

  it("takes no UID of a shared account for one of the range", () => {
    expect(states(withRange(opened(), "60600-60601"))).toEqual(["60600-60601 unused"]);
  });

  it("names the owner of a UID in use from the first moment on", () => {
    for (const state of [allocated(), leasedOpened()]) {
      expect(listLeases(withRange(state, "60600-60600"))).toEqual([
        { uid: LEASED.uid, last: LEASED.uid, state: "leased", user: LEASED.user, session: "s1", reason: "" },
      ]);
    }
  });

  it("says why a UID is quarantined, and whether it is foreign", () => {
    const quarantined = new Map([
      [60601, { reason: "files: /tmp/x", user: "guest-bbbb" }],
      [60602, { reason: "it belongs to user60602", user: "", foreign: true }],
    ]);
    expect(listLeases(withKept(withRange(READY, "60601-60602"), [], quarantined))).toEqual([
      { uid: 60601, last: 60601, state: "quarantined", user: "guest-bbbb", session: "", reason: "files: /tmp/x" },
      { uid: 60602, last: 60602, state: "foreign", user: "", session: "", reason: "it belongs to user60602" },
    ]);
  });

  it("prefers a session to what was known of its UID before", () => {
    const quarantined = new Map([[LEASED.uid, { reason: "old", user: "guest-old" }]]);
    const state = withRange(leasedOpened(), "60600-60600");
    expect(states(withKept(state, [LEASED.uid], quarantined))).toEqual(["60600 leased"]);
  });

  it("tells a UID that was returned from one that was never used", () => {
    expect(states(withKept(withRange(READY, "60600-60602"), [60601]))).toEqual([
      "60600 unused",
      "60601 rested",
      "60602 unused",
    ]);
  });

  it("groups UIDs without details into ranges by their state", () => {
    const rested = Array.from({ length: 300 }, (_, index) => 65_536 + index).filter((uid) => uid !== 65_600);
    const quarantined = new Map([[65_600, { reason: "why", user: "guest-bbbb" }]]);
    expect(states(withKept(withRange(READY, "65536-98303"), rested, quarantined))).toEqual([
      "65536-65599 rested",
      "65600 quarantined",
      "65601-65835 rested",
      "65836-98303 unused",
    ]);
  });

  it("lists UIDs outside the range that are quarantined or in use, sorted, even for an empty range", () => {
    const state = withKept(leasedOpened(), [61000], new Map([[60700, { reason: "why", user: "" }]]));
    expect(states(withRange(state, "60800-60800"))).toEqual(["60600 leased", "60700 quarantined", "60800 unused"]);
    expect(states({ ...state, config: undefined })).toEqual(["60600 leased", "60700 quarantined"]);
  });
});
