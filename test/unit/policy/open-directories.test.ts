import { describe, expect, it } from "vitest";
import { warnOfDirectories } from "../../../src/policy/open-directories.ts";
import { configOf } from "../../helpers/samples.ts";

const warn = (paths: readonly string[], lines: readonly string[] = [], whole = true) =>
  warnOfDirectories(configOf(...lines), { paths, whole });

describe("warnOfDirectories", () => {
  it("names what guests can write to on the host, and what to do about it", () => {
    expect(warn(["/srv/scratch", "/tmp", "/var/spool/odd"])).toEqual([
      "Guests can write to /srv/scratch /var/spool/odd on the host, and fill it: name them in Private= or Hide= of [View], " +
        "or in Paths= of [Sweep] where they are meant to.",
    ]);
  });

  it("ignores what each view covers or an administrator has named", () => {
    expect(warn(["/tmp", "/run/lock", "/run/screen", "/var/lib/php/sessions", "/var/crash", "/home/open"])).toEqual([]);
    expect(
      warn(["/a", "/b/x", "/c", "/d"], ["[View]", "Private=/a", "Hide=/b", "ReadOnly=/c", "[Sweep]", "Paths=/d"]),
    ).toEqual([]);
  });

  it("does not confuse directories whose names begin alike", () => {
    expect(warn(["/tmpfiles"])[0]).toContain("/tmpfiles");
  });

  it("counts the directories not named, and reports an incomplete look", () => {
    const many = Array.from({ length: 12 }, (_, index) => `/srv/${index}`);
    expect(warn(many, [], false)[0]).toMatch(
      /\/srv\/9 and 2 more on the host, .* Not all of the host could be looked at in time\.$/,
    );
    expect(warn([], [], false)).toEqual(["Not all of the host could be looked at in time."]);
  });
});
