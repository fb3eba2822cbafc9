import { describe, expect, it } from "vitest";
import { parseMountinfo } from "../../../src/system/mountinfo.ts";

describe("parseMountinfo", () => {
  it("reads device and mount point", () => {
    expect(parseMountinfo("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")).toEqual([{ device: "98:0", mountPoint: "/mnt2" }]);
  });

  it("reads blanks, tabs and backslashes in a mount point", () => {
    expect(parseMountinfo("1 2 0:5 / /a\\040b\\011c\\134d rw - tmpfs x rw")).toEqual([{ device: "0:5", mountPoint: "/a b\tc\\d" }]);
  });

  it("passes over lines that are none", () => {
    expect(parseMountinfo("\nnonsense\n1 2 3\n")).toEqual([]);
  });
});
