import { describe, expect, it } from "vitest";
import { followLinks, isWithin, joinPath, pathBelow } from "../../../src/policy/paths.ts";

describe("pathBelow", () => {
  it.each([
    ["/home", "/home", ""],
    ["/home/a/b", "/home", "a/b"],
    ["/home", "/", "home"],
    ["/", "/", ""],
    ["/homes", "/home", undefined],
    ["/home", "/home/a", undefined],
  ])("of %s below %s is %j", (path, directory, below) => {
    expect(pathBelow(path, directory)).toBe(below);
    expect(isWithin(path, directory)).toBe(below !== undefined);
    if (below !== undefined) expect(joinPath(directory, below)).toBe(path);
  });
});

describe("followLinks", () => {
  it("follows links, also in targets, and no name that only begins alike", () => {
    const links = [
      { path: "/home", target: "/var/home" },
      { path: "/var/home", target: "/srv/people" },
    ];
    expect(followLinks("/home/guest", links)).toBe("/srv/people/guest");
    expect(followLinks("/home", links)).toBe("/srv/people");
    expect(followLinks("/homes/guest", links)).toBe("/homes/guest");
  });

  it("stops at circular links", () => {
    const links = [
      { path: "/a", target: "/b" },
      { path: "/b", target: "/a" },
    ];
    expect(followLinks("/a/x", links)).toMatch(/^\/[ab]\/x$/);
  });
});
