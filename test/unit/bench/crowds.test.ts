import { expect, it } from "vitest";
import { summarizeRefusals } from "../../bench/bursts.ts";
import { readCrowd } from "../../bench/crowds.ts";

it("the output of a crowd has a time for each login, or why it was refused", () => {
  expect(readCrowd("100 200\nrefused System error\n0 40\ndone\n")).toEqual({
    times: [300, 40],
    refusals: ["System error"],
  });
});

it("the most frequent refusals come first, three at most", () => {
  expect(summarizeRefusals(["a", "b", "b", "c", "c", "c", "d"])).toEqual(["3: c", "2: b", "1: a"]);
});
