import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSwapFacts } from "../../../src/system/swap.ts";

const HEADINGS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

describe("readSwapFacts", () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "guestd-swap-"));
    writeFileSync(join(root, "none"), HEADINGS);
    writeFileSync(join(root, "one"), `${HEADINGS}/dev/vda2                               partition\t1000\t\t0\t\t-2\n`);
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it.each([
    ["missing", false],
    ["none", false],
    ["one", true],
  ])("reads whether swap space is in use: %s", (name, active) => {
    expect(readSwapFacts(true, join(root, name)).active).toBe(active);
  });

  it("reads whether cgroups can limit it, and passes on the kernel's abilities", () => {
    const swaps = join(root, "none");
    expect(readSwapFacts(false, swaps, join(root, "missing"))).toEqual({
      noswap: false,
      limitable: false,
      active: false,
    });
    expect(readSwapFacts(true, swaps, join(root, "one"))).toEqual({ noswap: true, limitable: true, active: false });
  });
});
