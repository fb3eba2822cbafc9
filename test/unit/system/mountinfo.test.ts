import { describe, expect, it } from "vitest";
import { parseMountinfo } from "../../../src/system/mountinfo.ts";

describe("parseMountinfo", () => {
  it("reads device, mount point and source", () => {
    expect(parseMountinfo("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")).toEqual([{ device: "98:0", mountPoint: "/mnt2", source: "/dev/root" }]);
  });

  it("reads blanks, tabs and backslashes in a mount point", () => {
    expect(parseMountinfo("1 2 0:5 / /a\\040b\\011c\\134d rw - tmpfs x rw")).toEqual([{ device: "0:5", mountPoint: "/a b\tc\\d", source: "x" }]);
  });

  it("is not misled by a mount point that looks like the end of the optional fields", () => {
    expect(parseMountinfo("1 2 0:5 / /a\\040-\\040tmpfs\\040guest-s1 rw shared:1 - tmpfs guest-s2 rw")).toEqual([{ device: "0:5", mountPoint: "/a - tmpfs guest-s1", source: "guest-s2" }]);
  });

  it("knows no source where there is none", () => {
    expect(parseMountinfo("1 2 0:5 / /a rw - tmpfs\n1 2 0:6 / /b rw")).toEqual([{ device: "0:5", mountPoint: "/a", source: "" }, { device: "0:6", mountPoint: "/b", source: "" }]);
  });

  it("passes over lines that are none", () => {
    expect(parseMountinfo("\nnonsense\n1 2 3\n")).toEqual([]);
  });
});
