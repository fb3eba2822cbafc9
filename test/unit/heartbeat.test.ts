import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startHeartbeat } from "../../src/heartbeat.ts";

const SECOND = 1_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** @param refused messages that systemd refuses */
function beat(watchdogMs?: number, ...refused: readonly string[]) {
  const did: (string | number)[] = [];
  const faults: unknown[] = [];
  const tell = (what: string) => () => {
    did.push(what);
    if (refused.includes(what)) throw new Error(what);
  };
  const parts = {
    onTick: (uptime: number) => did.push(uptime),
    clock: () => ({ now: 1, uptime: 1_000 * performance.now() }),
    fdStore: { forgetRest: tell("forgetRest"), retry: tell("retry"), wake: tell("wake") },
    report: (error: unknown) => faults.push((error as Error).message),
  };
  const start = 1_000 * performance.now();
  startHeartbeat(parts, watchdogMs);
  const count = (what: string) => did.filter((one) => one === what).length;
  const ticks = () => did.filter((one) => typeof one === "number").map((uptime) => Math.round((uptime - start) / 1e6));
  return { did, faults, count, ticks };
}

describe("a systemd that cannot be notified", () => {
  it("at the start is reported, and the heartbeat continues", () => {
    const { faults, ticks } = beat(0, "forgetRest");
    expect(faults).toEqual(["forgetRest"]);
    vi.advanceTimersByTime(SECOND);
    expect(ticks()).toEqual([1]);
  });

  it("is notified again at each tick", () => {
    const { faults, ticks } = beat(0, "retry");
    vi.advanceTimersByTime(3 * SECOND);
    expect(faults).toEqual(["retry", "retry", "retry"]);
    expect(ticks()).toEqual([1, 2, 3]);
  });

  it("is notified again that guestd is well", () => {
    const { faults, count } = beat(3 * SECOND, "wake");
    vi.advanceTimersByTime(2 * SECOND);
    expect(faults).toEqual(["wake", "wake"]);
    expect(count("retry")).toBe(2);
  });
});

describe("the heartbeat", () => {
  it("closes unclaimed descriptors at once, and waits a second for the first tick", () => {
    const { did } = beat(0);
    vi.advanceTimersByTime(SECOND - 1);
    expect(did).toEqual(["forgetRest"]);
  });

  it("ticks once a second with the current time, then notifies systemd of what it missed", () => {
    const { did, ticks, faults } = beat(0);
    vi.advanceTimersByTime(60 * SECOND);
    expect(ticks()).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(did.slice(1).filter((_, index) => index % 2 === 1)).toEqual(Array(60).fill("retry"));
    expect(faults).toEqual([]);
  });

  it("notifies the watchdog three times within its limit", () => {
    const { count } = beat(90 * SECOND);
    vi.advanceTimersByTime(29 * SECOND);
    expect(count("wake")).toBe(0);
    vi.advanceTimersByTime(61 * SECOND);
    expect(count("wake")).toBe(3);
  });

  it.each([
    ["", 0],
    [undefined, 0],
    ["nonsense", 0],
    ["30000000", 3],
  ])("follows WATCHDOG_USEC (%j)", (value, expected) => {
    vi.stubEnv("WATCHDOG_USEC", value);
    const { count } = beat();
    vi.unstubAllEnvs();
    vi.advanceTimersByTime(30 * SECOND);
    expect(count("wake")).toBe(expected);
  });
});
