import { describe, expect, it } from "vitest";
import { makeReceipt, quarantineOf } from "../../../src/policy/make-receipt.ts";
import { isClean, NOTHING_FOUND, SHARED_KINDS } from "../../../src/policy/receipt.ts";
import { clean } from "../../helpers/play.ts";
import { ENDING_SESSION, endingOf, LEASED, LEASED_SESSION } from "../../helpers/samples.ts";

const MOMENT = { now: 2_000, uptime: 7_000 };

describe("makeReceipt", () => {
  it("is not clean for a session at whose end nothing was searched", () => {
    expect(isClean(makeReceipt(ENDING_SESSION, SHARED_KINDS, MOMENT))).toBe(false);
    expect(makeReceipt(ENDING_SESSION, SHARED_KINDS, MOMENT).left).toHaveLength(SHARED_KINDS.length);
  });

  it("counts seconds by the monotonic clock, and never below zero", () => {
    expect(makeReceipt(ENDING_SESSION, [], { now: 0, uptime: 7_000 + 1_499_999 })).toMatchObject({
      openedAt: 1_000,
      closedAt: 0,
      seconds: 1,
    });
    expect(makeReceipt({ ...ENDING_SESSION, openedUptime: 9e6 }, [], { now: 5, uptime: 0 })).toMatchObject({
      closedAt: 5,
      seconds: 0,
    });
  });

  it("counts no seconds for another boot, whose clock cannot be compared", () => {
    expect(makeReceipt({ ...ENDING_SESSION, cause: "lost-power" }, [], { now: 5, uptime: 100e6 })).toMatchObject({
      seconds: 0,
      closedAt: 5,
    });
  });

  it("contains how long the end took", () => {
    const took = (begunUptime: number, uptime: number) =>
      makeReceipt({ ...ENDING_SESSION, begunUptime }, [], { now: 5, uptime }).endMilliseconds;
    expect(took(8e6, 8_012_345)).toBe(12);
    expect(took(8e6, 8e6)).toBe(0);
    expect(took(8e6, 1)).toBe(0);
  });

  it("contains what was found, and the type of account", () => {
    const found = { processesKilled: 3, tmpfsBytes: 4096, swept: clean("processes"), left: ["drop-view: boom"] };
    expect(makeReceipt(endingOf(LEASED_SESSION, { found }), ["mounts"], { now: 1, uptime: 7_000 })).toEqual({
      id: "abc",
      user: LEASED.user,
      uid: LEASED.uid,
      leased: true,
      service: "login",
      leader: 500,
      cause: "logout",
      terms: "",
      acceptedAt: 0,
      openedAt: 1_000,
      closedAt: 1,
      seconds: 0,
      endMilliseconds: 0,
      ...found,
      left: ["drop-view: boom", "mounts: not checked"],
      unseen: [],
      foundLater: [],
      clearedAt: 0,
    });
  });
});

describe("quarantineOf", () => {
  const found = { ...NOTHING_FOUND, left: ["a", "b"] };
  const receipt = { ...makeReceipt(ENDING_SESSION, [], MOMENT), left: ["a"] };

  it("has no reason when nothing is left", () => {
    expect(quarantineOf(ENDING_SESSION)).toBeUndefined();
  });

  it("contains all that the receipt names, and each later failed stage, each once", () => {
    const { user } = ENDING_SESSION.account;
    const because = (reason: string) => ({ reason, user, session: ENDING_SESSION.id });
    expect(quarantineOf({ ...ENDING_SESSION, found, receipt: undefined })).toEqual(because("a; b"));
    expect(quarantineOf({ ...ENDING_SESSION, found, receipt })).toEqual(because("a; b"));
    expect(quarantineOf({ ...ENDING_SESSION, found: NOTHING_FOUND, receipt })).toEqual(because("a"));
  });
});
