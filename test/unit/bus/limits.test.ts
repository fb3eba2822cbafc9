import { describe, expect, it } from "vitest";
import { limitProperties } from "../../../src/bus/limits.ts";
import { configOf } from "../../helpers/samples.ts";

const NOTHING_SET = ["MemoryMax=", "MemorySwapMax=", "TasksMax=", "CPUWeight=", "CPUQuota=", "IOWeight="];

/** systemd's properties: name -> [signature, value]. */
function told(...lines: string[]): Record<string, unknown> {
  const properties = limitProperties(configOf("[Limits]", ...NOTHING_SET, ...lines).Limits);
  const names = properties.map(([name]) => name);
  expect(new Set(names).size).toBe(names.length);
  return Object.fromEntries(properties.map(([name, { signature, value }]) => [name, [signature, value as unknown]]));
}

/** All 64 bits set mean "no limit". */
const INFINITY = ["t", 2n ** 64n - 1n];

describe("limitProperties", () => {
  it("sets nothing for unset limits, except an unlimited number of tasks", () => {
    expect(told()).toEqual({ TasksMax: INFINITY });
  });

  it("sets the defaults", () => {
    const properties = limitProperties(configOf().Limits);
    expect(properties.map(([name]) => name)).toEqual(["MemoryMaxScale", "TasksMax"]);
  });

  it.each([
    ["1%", Math.floor((2 ** 32 - 1) / 100)],
    ["50%", 2 ** 31 - 1],
    ["100%", 2 ** 32 - 1],
  ])("sets %s of memory as a 32-bit fraction", (text, share) => {
    expect(told(`MemoryMax=${text}`, `MemorySwapMax=${text}`)).toMatchObject({
      MemoryMaxScale: ["u", share],
      MemorySwapMaxScale: ["u", share],
    });
    expect(told(`MemoryMax=${text}`)).not.toHaveProperty("MemoryMax");
  });

  it.each([
    ["1", 1n],
    ["4096", 4096n],
    ["3k", 3072n],
    ["3K", 3072n],
    ["512M", 2n ** 29n],
    ["8G", 2n ** 33n],
    ["999999999999G", 999_999_999_999n * 2n ** 30n],
  ])("sets %s of memory in bytes, as 64 bits", (text, bytes) => {
    expect(told(`MemoryMax=${text}`, `MemorySwapMax=${text}`)).toMatchObject({
      MemoryMax: ["t", bytes],
      MemorySwapMax: ["t", bytes],
    });
  });

  it("sets a number of tasks", () => {
    expect(told("TasksMax=100")).toEqual({ TasksMax: ["t", 100n] });
  });

  it("sets weights unchanged", () => {
    expect(told("CPUWeight=1", "IOWeight=10000")).toMatchObject({ CPUWeight: ["t", 1n], IOWeight: ["t", 10_000n] });
  });

  it.each([
    ["1%", 10_000n],
    ["100%", 1_000_000n],
    ["250%", 2_500_000n],
  ])("sets %s of processor time in microseconds per second", (text, usec) => {
    expect(told(`CPUQuota=${text}`)).toMatchObject({ CPUQuotaPerSecUSec: ["t", usec] });
  });
});
