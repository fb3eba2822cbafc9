import { describe, expect, it } from "vitest";
import { ClientError } from "../../../src/bus/client.ts";
import { runWith } from "../../helpers/guestctl.ts";

const status = (change: object = {}) => [
  { version: "1", sessions: 0, enabled: true, switch: true, reason: "", errors: [], ...change },
];
const check = (change: object = {}) => [{ fault: "", warnings: [], checked: 1, ...change }];
const OFF = { enabled: false, switch: false, reason: "an examination" };
const session = (id: string, state = "open") => ({ id, user: "guest1", state });

describe("guestctl exits with 1 when the switch", () => {
  it.each(["enable", "disable"])("cannot be saved (%s)", async (verb) => {
    const { code, out, err } = await runWith([verb], {
      SetEnabled: new ClientError("Failed", "The switch could not be written down."),
    });
    expect({ code, out, err }).toEqual({ code: 1, out: "", err: "guestctl: The switch could not be written down." });
  });

  it("is given an invalid reason", async () => {
    const { code, err } = await runWith(["disable", "--reason=\u001b[2J"], {
      SetEnabled: new ClientError("InvalidArgument", "The reason has a character that cannot be printed."),
    });
    expect({ code, err }).toEqual({ code: 1, err: "guestctl: The reason has a character that cannot be printed." });
  });
});

describe("guestctl enable", () => {
  it.each([
    [{}, "Guests can log in."],
    [
      { fault: "The view cannot be built: no." },
      "Guest logins are switched on, but guests are refused still: The view cannot be built: no.",
    ],
    [
      { enabled: false, fault: "The view cannot be built: no." },
      "Guest logins are switched on, but guests are refused still: Enabled=no in the configuration.",
    ],
    [
      { enabled: false, errors: ["f:1: bad"] },
      'Guest logins are switched on, but guests are refused still: the configuration has errors, see "guestctl config check".',
    ],
  ])("shows the resulting state (%j)", async (change, text) => {
    const { code, out, calls } = await runWith(["enable"], {
      SetEnabled: [],
      GetStatus: status(change),
      CheckLogins: check(change),
    });
    expect({ code, out }).toEqual({ code: 0, out: text });
    expect(calls[0]).toEqual(["SetEnabled", true, ""]);
  });
});

describe("guestctl disable", () => {
  it.each([["--reason=an examination"], ["--reason", "an examination"]])(
    "sends the reason to guestd, and shows the resulting state (%s)",
    async (...options) => {
      const { code, out, calls } = await runWith(["disable", ...options], {
        SetEnabled: [],
        GetStatus: status(OFF),
        ListSessions: [[]],
      });
      expect({ code, out }).toEqual({
        code: 0,
        out: "Guests are refused: guest logins are switched off: an examination.",
      });
      // Checking logins would take seconds, and its result is not shown.
      expect(calls).toEqual([["SetEnabled", false, "an examination"], ["GetStatus"], ["ListSessions"]]);
    },
  );

  it("needs no reason", async () => {
    const { out, calls } = await runWith(["disable"], {
      SetEnabled: [],
      GetStatus: status({ ...OFF, reason: "" }),
      ListSessions: [[]],
    });
    expect(out).toBe("Guests are refused: guest logins are switched off.");
    expect(calls[0]).toEqual(["SetEnabled", false, ""]);
  });

  it.each([
    [[session("abc")], '1 session goes on; "guestctl end abc" ends it.'],
    [
      [session("abc"), session("def", "opening"), session("ghi", "ending")],
      '2 sessions go on; "guestctl end abc def" ends them.',
    ],
  ])("names the sessions that continue", async (sessions, text) => {
    const { out } = await runWith(["disable"], { SetEnabled: [], GetStatus: status(OFF), ListSessions: [sessions] });
    expect(out.split("\n")[1]).toBe(text);
  });
});

describe("guestctl status", () => {
  const shown = async (change: object, found: object = {}) =>
    (await runWith(["status"], { GetStatus: status(change), CheckLogins: check(found) })).out
      .split("\n")
      .map((line) => line.replace(/ +/g, " "));

  it("shows why guests are refused, and how to let them in", async () => {
    expect(await shown(OFF)).toEqual([
      "guestd: 1",
      "guests: refused: they are switched off",
      "switch: off: an examination",
      "sessions: 0",
      '"guestctl enable" lets guests log in.',
    ]);
    expect(await shown({ ...OFF, reason: "" })).toContain("switch: off");
  });

  it("names the configuration where that refuses guests", async () => {
    expect(await shown({ enabled: false })).toEqual([
      "guestd: 1",
      "guests: refused: Enabled=no in the configuration",
      "switch: on",
      "sessions: 0",
    ]);
    expect(await shown({ enabled: false, errors: ["f:1: bad"] })).toContain(
      'guests: refused: the configuration has errors, see "guestctl config check"',
    );
  });

  it("shows that guests can log in", async () => {
    expect(await shown({})).toEqual(["guestd: 1", "guests: can log in", "switch: on", "sessions: 0"]);
  });

  it("shows why the last check refuses guests and exits with 1, except while guest logins are disabled", async () => {
    const fault = "The view cannot be built: skeleton /etc/skel/\u001bq: no.";
    expect(await shown({}, { fault })).toContain(
      "guests: refused: The view cannot be built: skeleton /etc/skel/\\u{1b}q: no",
    );
    const answers = { GetStatus: status(), CheckLogins: check({ fault }) };
    expect((await runWith(["status"], answers)).code).toBe(1);
    expect(await shown(OFF, { fault })).toContain("guests: refused: they are switched off");
  });

  it("shows warnings last, and does not fail for them", async () => {
    const answers = { GetStatus: status(), CheckLogins: check({ warnings: ["pam_krb5.so asks."] }) };
    const { code, out } = await runWith(["status"], answers);
    expect(out.split("\n").slice(-2)).toEqual(["To mind:", "  pam_krb5.so asks."]);
    expect(code).toBe(0);
  });

  it("escapes a reason that would control a terminal", async () => {
    expect(await shown({ ...OFF, reason: "\u001b[2J" })).toContain("switch: off: \\u{1b}[2J");
  });
});
