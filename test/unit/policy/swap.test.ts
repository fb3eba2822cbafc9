import { describe, expect, it } from "vitest";
import { findSwapFault, type SwapFacts } from "../../../src/policy/swap.ts";

const OLD: SwapFacts = { noswap: false, limitable: true, active: true };
const START =
  "Files of guests in memory can get into swap space: this kernel cannot keep a tmpfs out of it (6.4 can), and ";

describe("findSwapFault", () => {
  it.each<[string, string, SwapFacts, string]>([
    [
      "no limit",
      "",
      OLD,
      "MemorySwapMax= in [Limits] is empty; set it to 0, or encrypt the swap space, or do without it.",
    ],
    [
      "some swap",
      "1m",
      OLD,
      "MemorySwapMax= in [Limits] is 1m; set it to 0, or encrypt the swap space, or do without it.",
    ],
    [
      "a limit that does nothing",
      "0",
      { ...OLD, limitable: false },
      "MemorySwapMax= does nothing, as cgroups have no memory.swap.max; encrypt the swap space, or do without it.",
    ],
  ])("says what lets files into swap, and what to do: %s", (_, swapMax, facts, what) => {
    expect(findSwapFault(swapMax, facts)).toBe(START + what);
  });

  it.each<[string, string, SwapFacts]>([
    ["no swap is allowed", "0", OLD],
    ["the kernel keeps them out", "", { ...OLD, noswap: true, limitable: false }],
    ["there is none", "", { ...OLD, active: false, limitable: false }],
  ])("reports nothing where %s", (_, swapMax, facts) => {
    expect(findSwapFault(swapMax, facts)).toBeUndefined();
  });
});
