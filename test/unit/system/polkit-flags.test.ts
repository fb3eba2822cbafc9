import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writePolkitFlags } from "../../../src/system/polkit-flags.ts";
import { configOf } from "../../helpers/samples.ts";

let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-polkit-"));
  directory = join(root, "run/flags");
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const flagsWith = (...lines: string[]) => {
  writePolkitFlags(configOf("[Polkit]", ...lines), directory);
  return readdirSync(directory).sort();
};

describe("writePolkitFlags", () => {
  it("allows nothing by default", () => {
    expect(flagsWith()).toEqual([]);
  });

  it.each([
    [["RemovableMedia=yes"], ["removable-media"]],
    [["Shutdown=yes"], ["shutdown"]],
    [["Network=yes"], ["network"]],
    [["Bluetooth=yes"], []],
    [
      ["RemovableMedia=yes", "Shutdown=yes"],
      ["removable-media", "shutdown"],
    ],
  ])("allows only what %j says", (lines, flags) => {
    expect(flagsWith(...lines)).toEqual(flags);
  });

  it("withdraws what a new configuration does not allow", () => {
    flagsWith("RemovableMedia=yes", "Shutdown=yes");
    expect(flagsWith("Shutdown=yes")).toEqual(["shutdown"]);
    expect(flagsWith()).toEqual([]);
  });

  it("writes where polkitd, which is not root, can read", () => {
    flagsWith("Shutdown=yes");
    expect(statSync(directory).mode & 0o777).toBe(0o755);
    expect(statSync(join(directory, "shutdown")).mode & 0o777).toBe(0o644);
  });
});
