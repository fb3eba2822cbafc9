import { describe, expect, it } from "vitest";
import type { LeasePool } from "../../../src/policy/lease.ts";
import {
  fillPool,
  GHOST_UID,
  isLeasable,
  makeLeaseName,
  pickUid,
  quarantineUid,
  releaseUid,
  restUid,
  takeUid,
} from "../../../src/policy/lease.ts";

const RANGE = { first: 60600, last: 60602 };
const pick = (pool: LeasePool, ...taken: number[]) => pickUid(RANGE, pool, new Set(taken));
const WHY = { reason: "process 7 does not end", user: "guest-aaaa" };
const poolOf = (rested: number[], quarantined: number[] = [], range = RANGE): LeasePool =>
  fillPool(range, { rested, quarantined: new Map(quarantined.map((uid) => [uid, WHY])) });
const UNUSED = poolOf([]);

describe("pickUid does not pick", () => {
  it("the UID of a live session", () => {
    expect(pick(UNUSED, 60600)).toBe(60601);
    expect(pick(poolOf([60600, 60601, 60602]), 60600)).toBe(60601);
  });

  it("a quarantined UID, even one that also rests", () => {
    expect(pick(poolOf([], [60600, 60601]))).toBe(60602);
    expect(pick(poolOf([60600, 60601, 60602], [60600]))).toBe(60601);
  });

  it("any UID when the range is used up", () => {
    expect(pick(UNUSED, 60600, 60601, 60602)).toBeUndefined();
    expect(pick(poolOf([], [60600, 60601, 60602]))).toBeUndefined();
    expect(pick(poolOf([60601], [60602]), 60600, 60601)).toBeUndefined();
  });

  it("a rested UID outside the range, which may have been changed", () => {
    expect(pick(poolOf([60000, 60603, 1000], []), 60600, 60601, 60602)).toBeUndefined();
  });
});

describe("pickUid", () => {
  it("skips the ghost's own UID in every range", () => {
    const range = { first: GHOST_UID - 1, last: GHOST_UID + 1 };
    expect(pickUid(range, poolOf([], [], range), new Set([GHOST_UID - 1]))).toBe(GHOST_UID + 1);
    expect(pickUid(range, poolOf([GHOST_UID], [], range), new Set([GHOST_UID - 1, GHOST_UID + 1]))).toBeUndefined();
    expect(isLeasable(range, GHOST_UID)).toBe(false);
  });

  it("skips 65534 and 65535, which mean nobody and no UID", () => {
    const range = { first: 65_533, last: 65_536 };
    expect(poolOf([], [], range).unused).toEqual([65_533, 65_536]);
    expect(pickUid(range, poolOf([65_534, 65_535, 65_536], [], range), new Set([65_533]))).toBe(65_536);
  });

  it("skips UIDs that this machine does not have", () => {
    const range = { first: 65_530, last: 65_540 };
    const mapped = [{ first: 0, last: 65_531 }];
    expect(pickUid(range, poolOf([65_536], [], range), new Set([65_530]), mapped)).toBe(65_531);
    expect(pickUid(range, poolOf([65_536], [], range), new Set([65_530, 65_531]), mapped)).toBeUndefined();
  });

  it("picks all unused UIDs before a used one", () => {
    expect(pick(poolOf([60600]))).toBe(60601);
    expect(pick(poolOf([60600, 60601]))).toBe(60602);
  });

  it("then picks the one that has rested longest", () => {
    expect(pick(poolOf([60602, 60600, 60601]))).toBe(60602);
  });

  it("goes through the whole range, whichever UID returns first", () => {
    let pool = UNUSED;
    const given = Array.from({ length: 7 }, () => {
      const uid = pick(pool) ?? 0;
      pool = restUid(takeUid(pool, uid), uid);
      return uid;
    });
    expect(given).toEqual([60600, 60601, 60602, 60600, 60601, 60602, 60600]);
  });

  it("handles a range of one UID", () => {
    const range = { first: 60600, last: 60600 };
    expect(pickUid(range, poolOf([], [], range), new Set())).toBe(60600);
    expect(pickUid(range, poolOf([], [], range), new Set([60600]))).toBeUndefined();
  });
});

describe("a UID", () => {
  it("that is handed out rests no more", () => {
    expect(takeUid(poolOf([60600, 60601]), 60600)).toEqual({
      unused: [60602],
      rested: [60601],
      quarantined: new Map(),
    });
    expect(takeUid(UNUSED, 60601)).toEqual({ unused: [60600, 60602], rested: [], quarantined: new Map() });
  });

  it("that is returned twice rests once, as the last", () => {
    expect(restUid(poolOf([60600, 60601]), 60600)).toEqual(poolOf([60601, 60600]));
  });

  it("that is returned stays quarantined", () => {
    expect(pick(restUid(quarantineUid(UNUSED, 60600, WHY), 60600), 60601, 60602)).toBeUndefined();
  });

  it("is quarantined with a reason, and does not rest", () => {
    expect(quarantineUid(poolOf([60600, 60601]), 60600, WHY)).toEqual({
      unused: [60602],
      rested: [60601],
      quarantined: new Map([[60600, WHY]]),
    });
  });

  it("whose quarantine ends is handed out last, and once", () => {
    expect(releaseUid(poolOf([60601], [60600, 60602]), 60600)).toEqual(poolOf([60601, 60600], [60602]));
    expect(releaseUid(poolOf([60600, 60601]), 60600)).toEqual(poolOf([60601, 60600]));
  });

  it("at either end of the range belongs to it", () => {
    expect([60000, 60600, 60602, 60603].map((uid) => isLeasable(RANGE, uid))).toEqual([false, true, true, false]);
  });
});

describe("makeLeaseName", () => {
  const MOST = 32 ** 4;

  it("skips the name of a live session", () => {
    const first = makeLeaseName(5, new Set());
    const second = makeLeaseName(5, new Set([first]));
    const third = makeLeaseName(5, new Set([first, second]));
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it("starts over after the last name", () => {
    const last = makeLeaseName(MOST - 1, new Set());
    expect(last).toBe("guest-7777");
    expect(makeLeaseName(MOST - 1, new Set([last]))).toBe("guest-aaaa");
  });

  it.each([0, 1, 31, 32, MOST - 1, MOST, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER])(
    "makes a valid account name from %d",
    (random) => {
      expect(makeLeaseName(random, new Set())).toMatch(/^guest-[a-z2-7]{4}$/);
    },
  );

  it("makes a different name from each number", () => {
    const names = Array.from({ length: 5_000 }, (_, random) => makeLeaseName(random, new Set()));
    expect(new Set(names).size).toBe(5_000);
  });
});
