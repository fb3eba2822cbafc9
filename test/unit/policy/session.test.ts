import { describe, expect, it } from "vitest";
import { isSessionPath, labelOf, scopeName, sliceName } from "../../../src/policy/session.ts";

const LEASED = { account: { uid: 1001 }, leased: true };
const SHARED = { account: { uid: 1001 }, leased: false };

const NOBODYS = [
  "",
  "/",
  "/user.slice",
  "/user.slice/",
  "/system.slice",
  "/init.scope",
  "user.slice/guest-s1.scope",
  "/user.slice/guest-s1.scope/",
  "/user.slice/guest-s1.scope\n",
  "/user.slice/guest-s1.scope/deeper",
  "/user.slice/guest-.scope",
  "/user.slice/guest-S1.scope",
  "/user.slice/guest-s1.service",
  "/user.slice/guest-s1xscope",
  "/user.slice/guest-..scope",
  "/user.slice/../guest-s1.scope",
  "/user.slice/xguest-s1.scope",
  "/system.slice/guest-s1.scope",
  "/box.service/user.slice/guest-s1.scope",
  "/user.slice/user-1000.slice",
  "/user.slice/user-10011.slice",
  "/user.slice/user-100.slice",
  "/user.slice/user-1001xslice",
  "/user.slice/user-1001.slice/",
  "/user.slice/user-1001.slice/user@1001.service",
  "/user.slice/user-1001.slice/../user-1000.slice",
  "/user.slice/user-10011.slice/session-1.scope",
  "/user.slice/user-1000.slice/session-1.scope",
  "/user.slice/user-10011.slice/guest-s1.scope",
  "/user.slice/user-1001.slice/session-.scope",
  "/user.slice/user-1001.slice/session-1.scope/deeper",
  "/user.slice/user-1001.slice/session-1 2.scope",
];

describe("isSessionPath", () => {
  it.each(NOBODYS)("takes %j for no session", (path) => {
    expect([isSessionPath(path, LEASED), isSessionPath(path, SHARED)]).toEqual([false, false]);
  });

  it.each([
    ["/user.slice/guest-s1.scope", SHARED, LEASED],
    ["/user.slice/user-1001.slice/session-1.scope", SHARED, LEASED],
    ["/user.slice/user-1001.slice/session-c2.scope", SHARED, LEASED],
    ["/user.slice/user-1001.slice", LEASED, SHARED],
    ["/user.slice/user-1001.slice/guest-abc234.scope", LEASED, SHARED],
  ])("takes %s for one of one account type, and not of the other", (path, own, other) => {
    expect([isSessionPath(path, own), isSessionPath(path, other)]).toEqual([true, false]);
  });

  it("recognises the names that guestd itself assigns", () => {
    expect(isSessionPath(`/user.slice/${scopeName("abc234")}`, SHARED)).toBe(true);
    expect(isSessionPath(`/user.slice/${sliceName(1001)}/${scopeName("abc234")}`, LEASED)).toBe(true);
  });
});

describe("labelOf", () => {
  it("differs for each session, and is valid for the builder", () => {
    expect(labelOf("abc234")).toMatch(/^[a-z0-9-]{1,64}$/);
    expect(labelOf("abc234")).not.toBe(labelOf("abc235"));
  });
});
