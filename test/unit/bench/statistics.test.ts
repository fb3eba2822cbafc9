import { describe, expect, it } from "vitest";
import { median, percentile } from "../../bench/statistics.ts";

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

it("nothing has no median", () => {
  expect(median([])).toBeNaN();
});
