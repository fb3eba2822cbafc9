import { describe, expect, it } from "vitest";
import { listMachineDefaults } from "../../../src/config/machine-defaults.ts";
import { isSet, parseConfig } from "../../../src/config/parse.ts";

/** The swap limit. @param noswap the kernel can keep a tmpfs out of swap */
function limitOf(noswap: boolean, ...lines: string[]) {
  const result = parseConfig([{ path: "f", text: lines.join("\n") }], listMachineDefaults({ noswap }));
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  const setting = result.settings.find(({ key }) => key === "MemorySwapMax");
  return {
    max: result.config.Limits.MemorySwapMax,
    origin: setting?.origin,
    set: result.settings.filter(isSet).length,
  };
}

describe("MemorySwapMax=", () => {
  it("is 0 where the kernel cannot keep a tmpfs out of swap, and says why", () => {
    expect(limitOf(false)).toEqual({ max: "0", origin: "default of this kernel", set: 0 });
  });

  it("has no limit where the kernel can", () => {
    expect(limitOf(true)).toEqual({ max: "", origin: "default", set: 0 });
  });

  it.each([
    ["MemorySwapMax=", ""],
    ["MemorySwapMax=1M", "1m"],
    ["MemorySwapMax=0", "0"],
  ])("is what a file sets, on any kernel: %s", (line, max) => {
    for (const noswap of [false, true])
      expect(limitOf(noswap, "[Limits]", line)).toEqual({ max, origin: "f:2", set: 1 });
  });
});
