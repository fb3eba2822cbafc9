import { describe, expect, it } from "vitest";
import { ARMS, COLD_START } from "../../bench/arms.ts";
import { formatReport, ITSELF, judge, percentile, TARGETS } from "../../bench/targets.ts";

describe("percentile", () => {
  it.each([
    [0.5, 3],
    [0.99, 5],
    [1, 5],
    [0, 1],
  ])("%s of five values", (share, value) => {
    expect(percentile([5, 3, 1, 4, 2], share)).toBe(value);
  });
});

describe("the verdicts", () => {
  const figures = new Map([
    ["bwrap", [4000, 4000, 4000]],
    ["guestd, shared", [6000, 5000, 16_000]],
    ["node", [60_000]],
    ["guestctl list", [72_000]],
    ["no guest, both lines", [150]],
    ["no guest, without both lines", [70]],
  ]);

  it("are on targets whose arms were run", () => {
    expect(judge(figures)).toEqual([
      { what: "open, shared", measured: "1.50x bwrap", target: "at most 1.00x bwrap", met: false },
      { what: "p99 of shared", measured: "2.67x p50", target: "at most 3.00x p50", met: true },
      { what: "users who are no guests, both lines", measured: "+80 µs", target: "at most +80 µs", met: true },
      { what: "guestctl list", measured: "1.20x node", target: "at most 1.30x node", met: true },
    ]);
  });

  it("and the times are two tables", () => {
    const report = formatReport(figures);
    expect(report).toContain("| guestd, shared | 6.00 | 16.0 | 16.0 | 3 |");
    expect(report).toContain("| open, shared | 1.50x bwrap | at most 1.00x bwrap | not met |");
  });
});

it("every target is about arms that are run", () => {
  const arms = [...ARMS.map(({ name }) => name), COLD_START.name, ITSELF];
  const named = TARGETS.flatMap((target) => [target.of, "without" in target ? target.without : target.against]);
  expect(named.filter((name) => !arms.includes(name))).toEqual([]);
});
