import { describe, expect, it } from "vitest";
import { ClientError } from "../../../src/bus/client.ts";
import type { Answers } from "../../helpers/guestctl.ts";
import { runWith as run } from "../../helpers/guestctl.ts";

const PLAN = JSON.stringify([
  { kind: "hide", target: "/home", optional: false },
  {
    kind: "tmpfs",
    target: "/tmp",
    create: false,
    optional: false,
    mode: 0o1777,
    uid: 0,
    gid: 0,
    size: "10%",
    inodes: 9,
    noexec: false,
    readonly: false,
    skeletons: [],
  },
]);
const SESSION = {
  id: "abc",
  user: "guest1",
  uid: 1101,
  service: "login",
  tty: "tty1",
  rhost: "",
  leader: 500,
  opened: Date.now() * 1000,
  state: "open",
};
const CHECK = [{ fault: "", warnings: [], checked: 1 }];
const RECEIPT = { id: "abc", user: "guest1", killed: 4, freed: 1_572_864, swept: [], clean: true, left: [] };

describe("guestctl exits with 2 and refers to --help for", () => {
  it.each([
    [["nonsense"]],
    [["--nonsense"]],
    [["show"]],
    [["end"]],
    [["receipts", "x"]],
    [["receipt"]],
    [["leases", "x"]],
    [["lease"]],
    [["lease", "60600"]],
    [["lease", "release"]],
    [["explain"]],
    [["explain", "a", "b"]],
    [["list", "x"]],
    [["config", "x"]],
    [["enable", "x"]],
    [["disable", "x"]],
    [["disable", "--reason"]],
    [["--service"]],
  ])("%j", async (args) => {
    const { code, out, err } = await run(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^guestctl: .*guestctl --help/);
  });
});

describe("guestctl exits with 1 and says what to do when", () => {
  it.each<[string, Error, RegExp]>([
    ["it is not root's", new ClientError("org.freedesktop.DBus.Error.AccessDenied", "x"), /sudo/],
    [
      "guestd is not installed",
      new ClientError("org.freedesktop.DBus.Error.ServiceUnknown", "x"),
      /systemctl reload dbus/,
    ],
    ["guestd does not answer", new ClientError("NoAnswer", "late"), /systemctl status guestd/],
    [
      "guestd cannot be started",
      new ClientError("org.freedesktop.DBus.Error.Spawn.Failed", "x"),
      /systemctl status guestd/,
    ],
    ["there is no bus", new ClientError("NoBus", "no socket"), /systemctl status dbus/],
    ["there is no such session", new ClientError("NoSuchSession", "There is no session abc."), /guestctl list/],
  ])("%s", async (_, error, hint) => {
    const { code, out, err } = await run(["show", "abc"], { GetSession: error });
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toMatch(hint);
  });

  it("an end was not clean", async () => {
    const { code, out } = await run(["end", "abc"], {
      EndSession: [{ ...RECEIPT, clean: false, left: ["process 7 does not end"] }],
    });
    expect(code).toBe(1);
    expect(out).toContain("left: process 7 does not end");
  });

  it("one of several sessions could not be ended, and still shows the receipts of the others", async () => {
    let calls = 0;
    const answers = {
      get EndSession() {
        return calls++ === 0 ? [RECEIPT] : new ClientError("NoSuchSession", "There is no session def.");
      },
    };
    const { code, out } = await run(["end", "abc", "def"], answers);
    expect(code).toBe(1);
    expect(out).toBe(
      "Ended abc of guest1: 4 processes killed, 1.5M given back, nothing is left.\nThere is no session def.",
    );
  });

  it("one of several sessions does not exist, and still shows the others", async () => {
    let calls = 0;
    const answers = {
      get GetSession() {
        return calls++ === 0
          ? [{ ...SESSION, inode: 1, scope: "", skipped: [], plan: PLAN }]
          : new ClientError("NoSuchSession", "There is no session def.");
      },
    };
    const { code, out } = await run(["show", "abc", "def"], answers);
    expect(code).toBe(1);
    expect(out).toMatch(/^id: +abc\n[^]*\n\nThere is no session def\.$/);
  });

  it("the configuration has errors", async () => {
    const status = { version: "1", sessions: 0, enabled: false, switch: true, reason: "", errors: ["f:1: bad"] };
    const { code, out } = await run(["status"], { GetStatus: [status], CheckLogins: CHECK });
    expect(code).toBe(1);
    expect(out).toContain("f:1: bad");
    expect(out).toContain("guestctl reload");
  });
});

describe("guestctl", () => {
  it("shows warnings one a line, and exits with 0", async () => {
    const status = { version: "1", sessions: 0, enabled: true, switch: true, reason: "", errors: [] };
    const { code, out } = await run(["status"], {
      GetStatus: [status],
      CheckLogins: [{ fault: "", warnings: ["One.\n", "Two."], checked: 1 }],
    });
    expect(code).toBe(0);
    expect(out).toMatch(/\nTo mind:\n  One\.\\u\{a\}\n  Two\.$/);
  });

  it("lists sessions without a verb", async () => {
    const { code, out, calls } = await run([], { ListSessions: [[SESSION]] });
    expect(code).toBe(0);
    expect(calls).toEqual([["ListSessions"]]);
    expect(out).toBe(
      "SESSION  USER    UID   SERVICE  FROM  LEADER  SINCE  STATE\nabc      guest1  1101  login    tty1  500     0s     open\n\n1 session.",
    );
  });

  it("reports that there are no sessions", async () => {
    expect((await run(["list"], { ListSessions: [[]] })).out).toBe("No guest sessions.");
  });

  it("shows a plan step by step", async () => {
    const { code, out } = await run(["explain", "guest1", "--service=sshd"], {
      ExplainLogin: [{ verdict: "admitted", reason: "Yes.", plan: PLAN, warnings: [] }],
    });
    expect(code).toBe(0);
    expect(out).toBe("admitted: Yes.\n  hide     /home\n  tmpfs    /tmp mode=1777 uid=0 gid=0 size=10% inodes=9");
  });

  it("shows below the plan what may turn out differently", async () => {
    const { code, out } = await run(["explain", "guest"], {
      ExplainLogin: [{ verdict: "refused", reason: "The view.", plan: PLAN, warnings: ["pam_krb5.so \u001b[2J."] }],
    });
    expect(code).toBe(0);
    expect(out).toMatch(/^refused: The view\.\n {2}hide [^]*\nTo mind:\n {2}pam_krb5\.so \\u\{1b\}\[2J\.$/);
  });

  it("explains the given service, or login by default", async () => {
    const answers = { ExplainLogin: [{ verdict: "ignored", reason: "", plan: "[]", warnings: [] }] };
    expect((await run(["explain", "x"], answers)).calls).toEqual([["ExplainLogin", "x", "login"]]);
    expect((await run(["explain", "x", "--service", "sshd"], answers)).calls).toEqual([["ExplainLogin", "x", "sshd"]]);
  });

  it("ends several sessions", async () => {
    const { code, out, calls } = await run(["end", "abc", "def"], { EndSession: [RECEIPT] });
    expect(code).toBe(0);
    expect(calls).toEqual([
      ["EndSession", "abc"],
      ["EndSession", "def"],
    ]);
    expect(out.split("\n")[0]).toBe("Ended abc of guest1: 4 processes killed, 1.5M given back, nothing is left.");
  });

  it.each<[string[], Answers, unknown]>([
    [["list"], { ListSessions: [[SESSION]] }, [SESSION]],
    [
      ["show", "abc"],
      { GetSession: [{ ...SESSION, inode: 1, scope: "", skipped: [], plan: PLAN }] },
      { id: "abc", plan: JSON.parse(PLAN) as unknown },
    ],
    [["end", "abc"], { EndSession: [RECEIPT] }, RECEIPT],
    [
      ["status"],
      {
        GetStatus: [{ version: "1", sessions: 0, enabled: true, switch: true, reason: "", errors: [] }],
        CheckLogins: CHECK,
      },
      { version: "1", fault: "", warnings: [], checked: 1 },
    ],
    [
      ["explain", "g"],
      { ExplainLogin: [{ verdict: "admitted", reason: "r", plan: PLAN, warnings: ["w"] }] },
      { verdict: "admitted", warnings: ["w"] },
    ],
    [
      ["config"],
      { GetConfig: [[["Home", "Size", "25%", "default"]]] },
      [{ section: "Home", key: "Size", value: "25%", origin: "default" }],
    ],
    [["reload"], { Reload: [] }, { ok: true }],
  ])("prints JSON for %j", async (args, answers, expected) => {
    const { out } = await run([...args, "--json"], answers);
    const json = JSON.parse(out) as unknown;
    if (Array.isArray(expected)) expect(json).toEqual(expected);
    else expect(json).toMatchObject(expected as object);
  });

  it("groups the configuration by section, with the source of each value", async () => {
    const { out } = await run(["config"], {
      GetConfig: [
        [
          ["Home", "Size", "1M", "/etc/guestd/guestd.conf:3"],
          ["Etc", "Mode", "overlay", "default"],
        ],
      ],
    });
    expect(out).toBe("[Home]\n# /etc/guestd/guestd.conf:3\nSize=1M\n\n[Etc]\n# default\nMode=overlay");
  });

  it("checks a file without guestd", async () => {
    const { code, out, calls } = await run(["config", "check", "/nonexistent/guestd.conf"]);
    expect({ code, out, calls }).toEqual({ code: 1, out: "/nonexistent/guestd.conf: is not there", calls: [] });
  });

  it.each([["--help"], ["-h"], ["--version"]])("answers %s without guestd", async (option) => {
    const { code, out } = await run([option]);
    expect(code).toBe(0);
    expect(out).toMatch(/guestctl/);
  });
});
