import { describe, expect, it } from "vitest";
import { COLD, GUESTCTL, LOGINS, STRANGERS } from "../../bench/arms.ts";
import { REFUSED, type Figures } from "../../bench/figures.ts";
import * as names from "../../bench/names.ts";
import { QUICK, WHOLE } from "../../bench/names.ts";
import { STAGES } from "../../bench/stages.ts";
import { targetsOf } from "../../bench/targets.ts";
import { judge, ratiosOf } from "../../bench/verdicts.ts";

const TARGETS = targetsOf(WHOLE);

const figures: Figures = {
  times: new Map([
    ["bwrap", [4000, 4000, 4000]],
    ["guestd, shared", [6000, 5000, 16_000]],
    ["node", [60_000]],
    ["guestctl list", [72_000]],
    ["no guest, session line", [200]],
    ["no guest, without pam_guest", [70]],
    [names.END_SMALL, [14_000]],
    [names.EMPTY_SKELETON, [5000]],
    [names.skeletonOf(50_000), [REFUSED]],
  ]),
  amounts: new Map([
    ["refused of 200 logins in a second, shared", { value: 0, unit: "refused" }],
    ["refused of 400 logins in a second, leased, beside 4 busy processes", { value: 95, unit: "refused" }],
    [names.memoryEach(1000), { value: 18.25, unit: "KiB" }],
  ]),
};

describe("the verdict on", () => {
  it.each([
    ["open, shared", "1.50x bwrap", "at most 1.00x bwrap", "not met, by 0.50x"],
    ["p99 of shared", "2.67x p50", "at most 3.00x p50", "met"],
    ["guestctl list", "1.20x node", "at most 1.30x node", "met"],
    ["users who are no guests, session line", "+130 µs", "at most +50 µs", "not met, by 80 µs"],
    ["leader's end to receipt, 1 process", "14.0 ms", "at most 12.0 ms", "not met, by 2.0 ms"],
    ["200 logins in a second, shared", "0 refused", "at most 0 refused", "met"],
    [
      "400 logins in a second, leased, beside 4 busy processes",
      "95 refused",
      "at most 0 refused",
      "not met, by 95 refused",
    ],
    ["guestd's memory for each of 1,000 sessions", "18.3 KiB", "at most 16 KiB", "not met, by 2.3 KiB"],
    ["skeleton of 50,000 files", "refused", "at most 1.10x empty", "not met, refused"],
    ["login to prompt, leased", "-", "at most 1.15x normal user", "not measured"],
  ])("%s: %s", (what, measured, target, verdict) => {
    expect(judge(TARGETS, figures).find((row) => row.what === what)).toEqual({ what, measured, target, verdict });
  });

  it("every target is given once", () => {
    const rows = judge(TARGETS, figures).map(({ what }) => what);
    expect(rows).toEqual([...new Set(TARGETS.map(({ what }) => what))]);
  });
});

describe("the targets", () => {
  it("are about arms that are run, and figures of other stages", () => {
    const arms = [...LOGINS, ...STRANGERS, ...GUESTCTL, ...COLD].map(({ name }) => name);
    const named = TARGETS.filter(({ stage }) => ["logins", "strangers", "guestctl", "cold"].includes(stage)).flatMap(
      (target) => [
        ...(target.kind === "amount" ? [] : [target.of]),
        ...(target.kind === "cost" ? [target.without] : []),
        ...(target.kind === "ratio" ? [target.against] : []),
      ],
    );
    expect(named.filter((name) => !arms.includes(name))).toEqual([]);
  });

  it("are each measured by a stage", () => {
    const stages = STAGES.map(({ name }) => name);
    expect(TARGETS.filter(({ stage }) => !stages.includes(stage))).toEqual([]);
  });

  it("are as many in a quick run", () => {
    expect(targetsOf(QUICK)).toHaveLength(TARGETS.length);
  });
});

it("ratios have a column each", () => {
  const ratios = ratiosOf(TARGETS, figures);
  expect(ratios.get("open, shared")).toBe(1.5);
  expect(ratios.get("p99, shared")).toBeCloseTo(2.67);
  expect(ratios.get("prompt")).toBeNaN();
  expect(ratios.size).toBe(TARGETS.filter(({ kind }) => kind === "ratio" || kind === "tail").length);
});
