import { describe, expect, it } from "vitest";
import { ClientError } from "../../../src/bus/client.ts";
import { runWith } from "../../helpers/guestctl.ts";

const NOBODY = { user: "", session: "", reason: "" };
const UIDS = [
  { ...NOBODY, uid: 60600, last: 60600, state: "leased", user: "guest-aaaa", session: "abc" },
  {
    ...NOBODY,
    uid: 60601,
    last: 60601,
    state: "quarantined",
    user: "guest-bbbb",
    reason: "files: /tmp/x is still there",
  },
  { ...NOBODY, uid: 60602, last: 60602, state: "foreign", reason: "it belongs to alice" },
  { ...NOBODY, uid: 60603, last: 60603, state: "rested" },
  { ...NOBODY, uid: 60604, last: 60605, state: "unused" },
];

const notQuarantined = (uid: unknown) =>
  new ClientError("NoSuchLease", `The uid ${String(uid)} is not quarantined; "guestctl leases" shows those that are.`);

const ReleaseLease = (uid: unknown) => (uid === 60601 || uid === 60602 ? [] : notQuarantined(uid));

describe("guestctl lease release exits with 2 without a call for", () => {
  it.each([
    "abc",
    "-1",
    "0",
    "060601",
    "60601.0",
    "6e4",
    "0xECB9",
    "4294967295",
    "99999999999",
    "",
    " 60601",
    "60601 ",
    "guest-bbbb",
  ])("the UID %j", async (uid) => {
    const { code, out, err, calls } = await runWith(["lease", "release", "60601", "--", uid], { ReleaseLease });
    expect({ code, out, calls }).toEqual({ code: 2, out: "", calls: [] });
    expect(err).toContain(`release takes uids: ${JSON.stringify(uid)} is none; see "guestctl --help"`);
  });

  it("a missing UID, and for another word than release", async () => {
    for (const words of [["lease"], ["lease", "release"], ["lease", "60601"], ["lease", "show", "60601"]]) {
      const { code, err, calls } = await runWith(words, { ReleaseLease });
      expect({ code, calls }).toEqual({ code: 2, calls: [] });
      expect(err).toBe('guestctl: lease takes release UID...; see "guestctl --help"');
    }
  });
});

describe("guestctl lease release exits with 1", () => {
  it("when the UID is not quarantined, and says where to look", async () => {
    const { code, out, err } = await runWith(["lease", "release", "60603"], { ReleaseLease });
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe(`guestctl: ${notQuarantined(60603).message}`);
  });

  it("when one of several UIDs is not quarantined, and releases the others", async () => {
    const { code, out, calls } = await runWith(["lease", "release", "60601", "60603", "60602"], { ReleaseLease });
    expect(code).toBe(1);
    expect(calls).toEqual([
      ["ReleaseLease", 60601],
      ["ReleaseLease", 60603],
      ["ReleaseLease", 60602],
    ]);
    expect(out.split("\n")).toEqual([
      "Released uid 60601: it may be leased again.",
      "Released uid 60602: it may be leased again.",
      notQuarantined(60603).message,
    ]);
  });

  it("when the release cannot be saved", async () => {
    const { code, err } = await runWith(["lease", "release", "60601"], {
      ReleaseLease: new ClientError("Failed", "ENOSPC: no space left on device"),
    });
    expect({ code, err }).toEqual({ code: 1, err: "guestctl: ENOSPC: no space left on device" });
  });
});

describe("guestctl lease release", () => {
  it("releases one UID or several", async () => {
    expect(await runWith(["lease", "release", "60601"], { ReleaseLease })).toMatchObject({
      code: 0,
      out: "Released uid 60601: it may be leased again.",
    });
    const { code, out } = await runWith(["lease", "release", "60601", "60602", "--json"], { ReleaseLease });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([
      { uid: 60601, released: true },
      { uid: 60602, released: true },
    ]);
    expect(JSON.parse((await runWith(["lease", "release", "60601", "--json"], { ReleaseLease })).out)).toEqual({
      uid: 60601,
      released: true,
    });
  });
});

describe("guestctl leases", () => {
  it("shows the UIDs in use, resting or quarantined, and counts the others", async () => {
    const { code, out, calls } = await runWith(["leases"], { ListLeases: [UIDS] });
    expect(code).toBe(0);
    expect(calls).toEqual([["ListLeases"]]);
    expect(out.split("\n")).toEqual([
      "UID    STATE        USER        SESSION  REASON",
      "60600  leased       guest-aaaa  abc      -",
      "60601  quarantined  guest-bbbb  -        files: /tmp/x is still there",
      "60602  foreign      -           -        it belongs to alice",
      "",
      "Not shown: 0 waiting, 1 rested, 2 unused. --all shows them as well.",
    ]);
  });

  it("keeps a reason on one line", async () => {
    const { out } = await runWith(["leases"], { ListLeases: [[{ ...UIDS[1], reason: "a\nb\u001b[2J" }]] });
    expect(out.split("\n")[1]).toContain("a\\u{a}b\\u{1b}[2J");
  });

  it.each(["--all", "-a"])("shows every UID with %s", async (option) => {
    const { out } = await runWith(["leases", option], { ListLeases: [UIDS] });
    expect(out).toContain("\n60604-60605  unused       -           -        -\n");
    expect(out.split("\n").at(-1)).toBe("6 uids: 1 leased, 1 quarantined, 1 foreign, 1 rested, 2 unused.");
  });

  it("reports that there are no such UIDs", async () => {
    expect((await runWith(["leases"], { ListLeases: [UIDS.slice(4)] })).out).toBe(
      "No uid is leased or quarantined.\n\nNot shown: 0 waiting, 0 rested, 2 unused. --all shows them as well.",
    );
    expect((await runWith(["leases", "--all"], { ListLeases: [[]] })).out).toBe(
      "No uid is leased or quarantined.\n\n0 uids: none.",
    );
  });

  it("prints all UIDs as JSON", async () => {
    expect(JSON.parse((await runWith(["leases", "--json"], { ListLeases: [UIDS] })).out)).toEqual(UIDS);
  });
});
