import { describe, expect, it } from "vitest";
import { describeUser, keyOf, subjectOf, SWITCH } from "../../../src/policy/subject.ts";
import { LEASED, LEASED_SESSION } from "../../helpers/samples.ts";

const UID = { of: "uid", uid: 60600, user: "guest-aaaa" } as const;

describe("subjectOf", () => {
  it("names the session like all journal entries", () => {
    expect(subjectOf(LEASED_SESSION)).toEqual({
      of: "session",
      id: "abc",
      user: LEASED.user,
      uid: LEASED.uid,
      leader: 500,
      service: "login",
    });
  });
});

describe("keyOf", () => {
  it("differs for each session, each UID and the switch", () => {
    const session = subjectOf(LEASED_SESSION);
    const others = [{ ...session, id: "60600" }, { ...session, id: "switch" }, UID, { ...UID, uid: 60601 }, SWITCH];
    expect(new Set([session, ...others].map(keyOf)).size).toBe(6);
  });

  it("is the same for all effects of one of them", () => {
    expect(keyOf({ ...subjectOf(LEASED_SESSION), service: "systemd-user" })).toBe(keyOf(subjectOf(LEASED_SESSION)));
    expect(keyOf({ ...UID, user: "" })).toBe(keyOf(UID));
  });
});

describe("describeUser", () => {
  it.each([
    [{ user: "guest1", uid: 1101 }, "guest1 (uid 1101)"],
    [{ user: "", uid: 60600 }, "uid 60600"],
    [{ user: "guest", uid: 0 }, "guest"],
  ])("names %j as %s", (user, name) => {
    expect(describeUser(user)).toBe(name);
  });
});
