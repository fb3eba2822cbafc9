import { describe, expect, it } from "vitest";
import { findAccountFault } from "../../../src/policy/account.ts";
import { GUEST } from "../../helpers/samples.ts";

describe("findAccountFault refuses", () => {
  it.each([0, 999, 65534, 65535, 2 ** 31, 2 ** 32 - 1, -1, 1.5, Number.NaN])("the UID %d", (uid) => {
    expect(findAccountFault({ ...GUEST, uid })).toMatch(/System accounts/);
  });

  it("root's group", () => {
    expect(findAccountFault({ ...GUEST, gid: 0 })).toMatch(/System accounts/);
  });

  it.each([
    "",
    "/",
    "/home",
    "home/x",
    "/home/../etc",
    "/home/./x",
    "/home//x",
    "/home/x/",
    "/etc/x",
    "/proc/x",
    "/run/x",
    "/usr/x",
    "/home/a\nb",
    `/home/${"x".repeat(1024)}`,
  ])("the home %j", (home) => {
    expect(findAccountFault({ ...GUEST, home })).toMatch(/home directory/);
  });

  it.each(["", "a\nb", "a\u0000b", "x".repeat(257)])("the name %j", (user) => {
    expect(findAccountFault({ ...GUEST, user })).toMatch(/name/);
  });
});

describe("findAccountFault finds nothing wrong with", () => {
  it.each(["guest1", "../x", "%s%s%n", ".", "..", "0", "Gästin"])(
    "the name %j: it is never used as a path or a format",
    (user) => {
      expect(findAccountFault({ ...GUEST, user })).toBeUndefined();
    },
  );

  it.each(["/home/guest", "/srv/homes/a", "/var/lib/guests/b"])("the home %j", (home) => {
    expect(findAccountFault({ ...GUEST, home })).toBeUndefined();
  });

  it.each([1000, 60600, 2 ** 31 - 1])("the UID %d", (uid) => {
    expect(findAccountFault({ ...GUEST, uid })).toBeUndefined();
  });
});
