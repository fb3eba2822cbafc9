import { describe, expect, it } from "vitest";
import { EVERY_UID, findMapFault, isMapped } from "../../../src/policy/uid-map.ts";

const RANGE = { first: 65_536, last: 98_303 };
/** Of a container as podman, LXC and systemd-nspawn make it. */
const CONTAINER = [{ first: 0, last: 65_535 }];

describe("findMapFault", () => {
  it("says of a container without these uids that guests are refused, and what to set", () => {
    expect(findMapFault(RANGE, CONTAINER)).toBe(
      "None of the uids 65536-98303 exists here, so the ghost is refused: /proc/self/uid_map of this container has 0-65535. " +
        "Set LeaseRange= in [Guests] to some of these, such as LeaseRange=60600-61183, or give the container more uids.",
    );
  });

  it("says how many there are where some are missing, over several lines of the map", () => {
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

  it("has nothing to say where all are there", () => {
    expect(findMapFault(RANGE, EVERY_UID)).toBeUndefined();
    expect(findMapFault({ first: 60_600, last: 61_183 }, CONTAINER)).toBeUndefined();
  });

  it("has something to say of a map that is empty", () => {
    expect(findMapFault(RANGE, [])).toContain("has nothing.");
  });
});

it("isMapped knows both ends of each range", () => {
  const map = [
    { first: 5, last: 6 },
    { first: 9, last: 9 },
  ];
  expect([4, 5, 6, 7, 9, 10].map((uid) => isMapped(map, uid))).toEqual([false, true, true, false, true, false]);
});
