import { describe, expect, it } from "vitest";
import { EVERY_UID, findMapFault, isMapped } from "../../../src/policy/uid-map.ts";

const RANGE = { first: 65_536, last: 98_303 };
/** From podman, LXC or systemd-nspawn. */
const CONTAINER = [{ first: 0, last: 65_535 }];

describe("findMapFault", () => {
  it("reports that a container without these UIDs refuses guests, and what to set", () => {
    expect(findMapFault(RANGE, CONTAINER)).toBe(
      "None of the uids 65536-98303 exists here, so the ghost is refused: /proc/self/uid_map of this container has 0-65535. " +
        "Set LeaseRange= in [Guests] to some of these, such as LeaseRange=60600-61183, or give the container more uids.",
    );
  });

  it("counts the missing ones, over several lines of the map", () => {
    const map = [
      { first: 0, last: 0 },
      { first: 65_536, last: 65_545 },
      { first: 98_303, last: 99_000 },
    ];
    expect(findMapFault(RANGE, map)).toMatch(
      /^Of the uids 65536-98303 only 11 exist here: .* has 0-0 65536-65545 98303-99000\./,
    );
    expect(findMapFault(RANGE, map)).not.toContain("60600");
  });

  it("reports nothing where all exist", () => {
    expect(findMapFault(RANGE, EVERY_UID)).toBeUndefined();
    expect(findMapFault({ first: 60_600, last: 61_183 }, CONTAINER)).toBeUndefined();
  });

  it("reports an empty map", () => {
    expect(findMapFault(RANGE, [])).toContain("has nothing.");
  });
});

it("isMapped includes both ends of each range", () => {
  const map = [
    { first: 5, last: 6 },
    { first: 9, last: 9 },
  ];
  expect([4, 5, 6, 7, 9, 10].map((uid) => isMapped(map, uid))).toEqual([false, true, true, false, true, false]);
});
