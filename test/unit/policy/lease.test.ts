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

describe("pickUid gives nobody", () => {
  it("the uid of a live session", () => {
    expect(pick(UNUSED, 60600)).toBe(60601);
    expect(pick(poolOf([60600, 60601, 60602]), 60600)).toBe(60601);
  });

  it("a uid in quarantine, though it be said to have rested", () => {
    expect(pick(poolOf([], [60600, 60601]))).toBe(60602);
    expect(pick(poolOf([60600, 60601, 60602], [60600]))).toBe(60601);
  });

  it("anything when the range is used up", () => {
    expect(pick(UNUSED, 60600, 60601, 60602)).toBeUndefined();
    expect(pick(poolOf([], [60600, 60601, 60602]))).toBeUndefined();
    expect(pick(poolOf([60601], [60602]), 60600, 60601)).toBeUndefined();
  });

  it("a uid that has rested and is not of the range, which may have been changed", () => {
    expect(pick(poolOf([60000, 60603, 1000], []), 60600, 60601, 60602)).toBeUndefined();
  });
});

describe("pickUid", () => {
  it("passes over the ghost's own uid, in whatever range it is", () => {
    const range = { first: GHOST_UID - 1, last: GHOST_UID + 1 };
    expect(pickUid(range, poolOf([], [], range), new Set([GHOST_UID - 1]))).toBe(GHOST_UID + 1);
    expect(pickUid(range, poolOf([GHOST_UID], [], range), new Set([GHOST_UID - 1, GHOST_UID + 1]))).toBeUndefined();
    expect(isLeasable(range, GHOST_UID)).toBe(false);
  });

  it("passes over 65534 and 65535, which mean nobody and no uid", () => {
    const range = { first: 65_533, last: 65_536 };
    expect(poolOf([], [], range).unused).toEqual([65_533, 65_536]);
    expect(pickUid(range, poolOf([65_534, 65_535, 65_536], [], range), new Set([65_533]))).toBe(65_536);
  });

  it("gives no uid that this machine does not have", () => {
    const range = { first: 65_530, last: 65_540 };
    const mapped = [{ first: 0, last: 65_531 }];
    expect(pickUid(range, poolOf([65_536], [], range), new Set([65_530]), mapped)).toBe(65_531);
    expect(pickUid(range, poolOf([65_536], [], range), new Set([65_530, 65_531]), mapped)).toBeUndefined();
  });

  it("gives all that were never used, before one that was", () => {
    expect(pick(poolOf([60600]))).toBe(60601);
    expect(pick(poolOf([60600, 60601]))).toBe(60602);
  });

  it("then gives the one that has rested longest", () => {
    expect(pick(poolOf([60602, 60600, 60601]))).toBe(60602);
  });

  it("goes round all of the range, whoever comes back first", () => {
    let pool = UNUSED;
    const given = Array.from({ length: 7 }, () => {
      const uid = pick(pool) ?? 0;
      pool = restUid(takeUid(pool, uid), uid);
      return uid;
    });
    expect(given).toEqual([60600, 60601, 60602, 60600, 60601, 60602, 60600]);
  });

  it("knows the range of a single uid", () => {
    const range = { first: 60600, last: 60600 };
    expect(pickUid(range, poolOf([], [], range), new Set())).toBe(60600);
    expect(pickUid(range, poolOf([], [], range), new Set([60600]))).toBeUndefined();
  });
});

describe("a uid", () => {
  it("that is handed out rests no more", () => {
    expect(takeUid(poolOf([60600, 60601]), 60600)).toEqual({
      unused: [60602],
      rested: [60601],
      quarantined: new Map(),
    });
    expect(takeUid(UNUSED, 60601)).toEqual({ unused: [60600, 60602], rested: [], quarantined: new Map() });
  });

  it("that comes back twice rests once, as the last", () => {
    expect(restUid(poolOf([60600, 60601]), 60600)).toEqual(poolOf([60601, 60600]));
  });

  it("that comes back does not leave its quarantine", () => {
    expect(pick(restUid(quarantineUid(UNUSED, 60600, WHY), 60600), 60601, 60602)).toBeUndefined();
  });

  it("goes into quarantine with the reason, and does not rest", () => {
    expect(quarantineUid(poolOf([60600, 60601]), 60600, WHY)).toEqual({
      unused: [60602],
      rested: [60601],
      quarantined: new Map([[60600, WHY]]),
    });
  });

  it("whose quarantine ends is handed out after all others, and that once", () => {
    expect(releaseUid(poolOf([60601], [60600, 60602]), 60600)).toEqual(poolOf([60601, 60600], [60602]));
    expect(releaseUid(poolOf([60600, 60601]), 60600)).toEqual(poolOf([60601, 60600]));
  });

  it("is of the range with both ends", () => {
    expect([60000, 60600, 60602, 60603].map((uid) => isLeasable(RANGE, uid))).toEqual([false, true, true, false]);
  });
});

describe("makeLeaseName", () => {
  const MOST = 32 ** 4;

  it("gives nobody the name of a live session", () => {
    const first = makeLeaseName(5, new Set());
    const second = makeLeaseName(5, new Set([first]));
    const third = makeLeaseName(5, new Set([first, second]));
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it("begins anew after the last name", () => {
    const last = makeLeaseName(MOST - 1, new Set());
    expect(last).toBe("guest-7777");
    expect(makeLeaseName(MOST - 1, new Set([last]))).toBe("guest-aaaa");
  });

  it.each([0, 1, 31, 32, MOST - 1, MOST, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER])(
    "makes a name that an account can have of %d",
    (random) => {
      expect(makeLeaseName(random, new Set())).toMatch(/^guest-[a-z2-7]{4}$/);
    },
  );

  it("makes another name of each number", () => {
    const names = Array.from({ length: 5_000 }, (_, random) => makeLeaseName(random, new Set()));
    expect(new Set(names).size).toBe(5_000);
  });
});
