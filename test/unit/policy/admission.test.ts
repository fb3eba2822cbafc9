import { describe, expect, it } from "vitest";
import type { Authentication, Login } from "../../../src/policy/admission.ts";
import { judgeAuthentication, judgeLogin, listFull } from "../../../src/policy/admission.ts";
import type { LoginSwitch } from "../../../src/policy/switch.ts";
import { NEVER_ENABLED } from "../../../src/policy/switch.ts";
import type { Session } from "../../../src/policy/session.ts";
import { configOf, GHOST, GUEST, LEASED, LEASED_SESSION, ON, SESSION } from "../../helpers/samples.ts";

/** Not a display manager's unit. */
const ELSEWHERE = { leaderCgroup: "/system.slice/getty@tty1.service" };
const ORIGIN = { tty: "tty1", rhost: "", ...ELSEWHERE } as const;
const ASKED: Authentication = { user: "guest", service: "login", ...ORIGIN, leaderPid: 500 };
const LOGIN: Login = { account: GUEST, service: "login", ...ORIGIN, seat: "", leaderPid: 500, startsService: false };
const OFF: LoginSwitch = { enabled: false, reason: "there is an examination" };
/** The judgement reads only fields of the session's phase. */
const sessionOf = (change: object, from: Session = SESSION): Session => ({ ...from, ...change });
const leasedIn = (phase: Session["phase"], change: object = {}) =>
  sessionOf({ phase, cause: undefined, ...change }, LEASED_SESSION);

describe("judgeLogin refuses", () => {
  it("all guests while the configuration has errors", () => {
    expect(judgeLogin(undefined, LOGIN, [], ON)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("errors") as string,
    });
  });

  it("all guests when Enabled=no", () => {
    expect(judgeLogin(configOf("[Guests]", "Enabled=no"), LOGIN, [], ON)).toMatchObject({ kind: "refused" });
  });

  it.each([
    LOGIN,
    { ...LOGIN, account: GHOST },
    { ...LOGIN, account: GHOST, service: "sshd" },
    { ...LOGIN, account: LEASED },
  ])("all guests while the switch is off, with its reason", (login) => {
    const sessions: Session[] = [leasedIn("allocated")];
    for (const loginSwitch of [OFF, NEVER_ENABLED]) {
      expect(judgeLogin(configOf(), login, sessions, loginSwitch)).toEqual({
        kind: "refused",
        reason: `Guest logins are switched off on this machine: ${loginSwitch.reason}. Please ask the administrator of this machine.`,
      });
    }
  });

  it("with the configuration's reason first, whatever the switch says", () => {
    for (const loginSwitch of [ON, OFF]) {
      expect(judgeLogin(undefined, LOGIN, [], loginSwitch)).toMatchObject({
        kind: "refused",
        reason: expect.stringContaining("errors") as string,
      });
      expect(judgeLogin(configOf("[Guests]", "Enabled=no"), LOGIN, [], loginSwitch)).toMatchObject({
        reason: "Guest logins are switched off on this machine. Please ask the administrator of this machine.",
      });
    }
  });

  it.each(["cron", "crond", "atd"])("the service %s by default", (service) => {
    expect(judgeLogin(configOf(), { ...LOGIN, service }, [], ON)).toMatchObject({ kind: "refused" });
  });

  it("services by pattern, and no others", () => {
    const config = configOf("[Guests]", "RefuseServices=gdm-*");
    expect(judgeLogin(config, { ...LOGIN, service: "gdm-password" }, [], ON)).toMatchObject({ kind: "refused" });
    expect(judgeLogin(config, { ...LOGIN, service: "xgdm-password" }, [], ON)).toMatchObject({ kind: "admitted" });
  });

  it("the login after the last one allowed", () => {
    const config = configOf("[Guests]", "MaxSessions=1");
    expect(judgeLogin(config, { ...LOGIN, leaderPid: 501 }, [], ON)).toMatchObject({ kind: "admitted" });
    expect(judgeLogin(config, { ...LOGIN, leaderPid: 501 }, [sessionOf({})], ON)).toMatchObject({ kind: "refused" });
  });

  it("the login after the last one allowed for its account, and of no other account", () => {
    const config = configOf("[Guests]", "MaxSessionsPerUser=2");
    const login = { ...LOGIN, leaderPid: 501 };
    const sessions = [sessionOf({}), sessionOf({ id: "s2", phase: "ending" })];
    expect(judgeLogin(config, login, sessions.slice(1), ON)).toMatchObject({ kind: "admitted" });
    expect(judgeLogin(config, login, sessions, ON)).toEqual({
      kind: "refused",
      reason: "guest1 has as many sessions as this machine allows. Please end one of them or try again later.",
    });
    const other = { ...login, account: { ...GUEST, user: "guest2", uid: GUEST.uid + 1 } };
    expect(judgeLogin(config, other, sessions, ON)).toMatchObject({ kind: "admitted" });
    for (const none of ["", "0"])
      expect(judgeLogin(configOf("[Guests]", `MaxSessionsPerUser=${none}`), login, sessions, ON)).toMatchObject({
        kind: "admitted",
      });
  });

  it("a flood of logins of one account by default, and no class room", () => {
    const crowd = (count: number) => Array.from({ length: count }, (_, index) => sessionOf({ id: `s${index}` }));
    const login = { ...LOGIN, leaderPid: 501 };
    expect(judgeLogin(configOf(), login, crowd(60), ON)).toMatchObject({ kind: "admitted" });
    expect(judgeLogin(configOf(), login, crowd(100), ON)).toMatchObject({ kind: "refused" });
  });

  it("a home that is itself hidden", () => {
    const config = configOf("[View]", "Hide=/srv/guest");
    expect(judgeLogin(config, { ...LOGIN, account: { ...GUEST, home: "/srv/guest" } }, [], ON)).toMatchObject({
      kind: "refused",
    });
  });

  it("a second session of a leader with another account", () => {
    const other = { ...LOGIN, account: { ...GUEST, uid: 1102 } };
    expect(judgeLogin(configOf(), other, [sessionOf({})], ON)).toMatchObject({ kind: "refused" });
  });

  it.each([GUEST, GHOST, { ...GUEST, user: "kiosk", uid: 1200 }])(
    "a service of systemd's with a shared account",
    (account) => {
      const login: Login = { ...LOGIN, account, service: "kiosk", startsService: true };
      expect(judgeLogin(configOf(), login, [], ON)).toEqual({
        kind: "refused",
        reason: `A service with User= and PAMName= cannot be kept apart from other sessions of ${account.user}. Start its program through su, agetty --autologin or greetd: see "Services" in guestd(8).`,
      });
    },
  );

  it("a second session of a leader whose first is not open yet", () => {
    expect(judgeLogin(configOf(), LOGIN, [sessionOf({ phase: "opening" })], ON)).toMatchObject({ kind: "refused" });
  });
});

describe("judgeLogin returns", () => {
  it("the same session to a leader that asks twice", () => {
    const session = sessionOf({});
    expect(judgeLogin(configOf(), LOGIN, [session], ON)).toEqual({ kind: "again", session });
  });

  it("a new session when the old one with that PID is ending", () => {
    expect(judgeLogin(configOf(), LOGIN, [sessionOf({ phase: "ending" })], ON)).toMatchObject({ kind: "admitted" });
  });
});

describe("judgeLogin of a UID in the range refuses", () => {
  const waiting: Session = leasedIn("allocated");
  const login: Login = { ...LOGIN, account: LEASED };

  it.each<[string, Partial<Login>, Session[]]>([
    ["a UID that was not leased", {}, []],
    ["another UID than the leased one", { account: { ...LEASED, uid: LEASED.uid + 1 } }, [waiting]],
    ["another name than the leased one", { account: { ...LEASED, user: "guest-zzzz" } }, [waiting]],
    ["a UID at the end of the range", { account: { ...LEASED, uid: 61183 } }, []],
    [
      "a session of a shared account with that UID",
      {},
      [sessionOf({ account: LEASED, leader: { pid: 501, startTime: 1 } })],
    ],
    ["another leader than the one it was leased for", { leaderPid: 501 }, [waiting]],
    ["an account whose session is ending", {}, [leasedIn("ending")]],
    ["an account that is not created yet", {}, [leasedIn("allocating")]],
    ["another leader, when the session is open", { leaderPid: 501 }, [LEASED_SESSION]],
  ])("%s", (_, change, sessions) => {
    expect(judgeLogin(configOf(), { ...login, ...change }, sessions, ON)).toMatchObject({ kind: "refused" });
  });

  it("no login with the account that was leased for it", () => {
    expect(judgeLogin(configOf(), login, [waiting], ON)).toMatchObject({ kind: "admitted", lease: waiting });
  });

  it("by MaxSessions= only where guests are in, not where accounts wait or go back unused", () => {
    const config = configOf("[Guests]", "MaxSessions=1");
    const others: [Session, string][] = [
      [leasedIn("allocating", { id: "s2" }), "admitted"],
      [leasedIn("allocated", { id: "s2" }), "admitted"],
      [leasedIn("ending", { id: "s2", cause: "never-opened" }), "admitted"],
      [leasedIn("ending", { id: "s2", cause: "logout" }), "refused"],
      [leasedIn("opening", { id: "s2", leader: { pid: 7, startTime: 1 } }), "refused"],
      [sessionOf({ id: "s2", leader: { pid: 7, startTime: 1 } }), "refused"],
    ];
    for (const [other, kind] of others) expect(judgeLogin(config, login, [waiting, other], ON)).toMatchObject({ kind });
  });
});

describe("judgeLogin of the ghost", () => {
  it("a login without a leased account through a service that leases one", () => {
    expect(judgeLogin(configOf(), { ...LOGIN, account: GHOST }, [], ON)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("skipped the authentication") as string,
    });
  });

  it.each([
    ["a service that leases none", { service: "sshd", rhost: "192.0.2.1" }],
    ["su", { service: "su" }],
    ["a service that leases one, from a remote host", { rhost: "192.0.2.1" }],
  ])("admits it to its own account through %s", (_, change) => {
    expect(judgeLogin(configOf(), { ...LOGIN, account: GHOST, ...change }, [], ON)).toMatchObject({
      kind: "admitted",
      lease: undefined,
    });
  });

  it("refuses the login after the last one allowed", () => {
    expect(
      judgeLogin(
        configOf("[Guests]", "MaxSessions=1"),
        { ...LOGIN, account: GHOST, service: "sshd", leaderPid: 7 },
        [SESSION],
        ON,
      ),
    ).toMatchObject({ kind: "refused" });
  });
});

describe("judgeAuthentication leases no account", () => {
  const asked = ASKED;
  const judge = (change: Partial<Authentication>, ...lines: string[]) =>
    judgeAuthentication(configOf("[Guests]", ...lines), { ...asked, ...change }, [], ON);

  it("while the configuration has errors or Enabled=no", () => {
    expect(judgeAuthentication(undefined, asked, [], ON)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("errors") as string,
    });
    expect(judge({}, "Enabled=no")).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("switched off") as string,
    });
  });

  it("while the switch is off, and then asks for no password", () => {
    for (const user of ["guest", "guest1", LEASED.user]) {
      const session: Session = leasedIn("allocated");
      expect(judgeAuthentication(configOf(), { ...asked, user }, [session], OFF)).toMatchObject({
        kind: "refused",
        reason: expect.stringContaining(OFF.reason) as string,
      });
    }
  });

  it("to a leader whose account is being created", () => {
    const session: Session = leasedIn("allocating");
    for (const user of ["guest", "guest1"])
      expect(judgeAuthentication(configOf(), { ...asked, user }, [session], ON)).toMatchObject({
        kind: "refused",
        reason: expect.stringContaining("already") as string,
      });
    expect(judgeAuthentication(configOf(), { ...asked, leaderPid: 501 }, [session], ON)).toMatchObject({
      kind: "lease",
    });
  });

  it.each(["127.0.0.1", "localhost", " ", "192.0.2.1", ":0"])("to a remote host, even %j", (rhost) => {
    expect(judge({ rhost })).toEqual({ kind: "ignored" });
  });

  it.each(["guest1", "guest-aaaa", "root", "Guest", "guest ", "", "xguest", "*"])(
    "to %j: only to the ghost",
    (user) => {
      expect(judge({ user })).toEqual({ kind: "ignored" });
    },
  );

  it.each(["sshd", "su", "sudo", "xlogin", "login2", "", "gdm", "other", "systemd-user", "greetd-x"])(
    "through the service %j, which takes a password",
    (service) => {
      expect(judge({ service })).toEqual({ kind: "ignored" });
    },
  );

  it("through any service when the list is empty", () => {
    expect(judge({}, "Passwordless=")).toEqual({ kind: "ignored" });
  });

  it("when all sessions are taken", () => {
    const config = configOf("[Guests]", "MaxSessions=1");
    expect(judgeAuthentication(config, { ...asked, leaderPid: 501 }, [SESSION], ON)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("as many") as string,
    });
  });

  it("but does not count one that waits at a greeter", () => {
    const config = configOf("[Guests]", "MaxSessions=1");
    const waiting: Session = leasedIn("allocated");
    expect(judgeAuthentication(config, { ...asked, leaderPid: 501 }, [waiting], ON)).toMatchObject({ kind: "lease" });
  });

  it("again to a leader with another one's PID, or whose session is open or ending", () => {
    for (const change of [{ leader: { pid: 501, startTime: 1 } }, { phase: "open" }, { phase: "ending" }] as const) {
      const session: Session = leasedIn("allocated", change);
      expect(judgeAuthentication(configOf(), asked, [session], ON)).toMatchObject({ kind: "lease" });
    }
  });
});

describe("judgeAuthentication leases", () => {
  const asked = ASKED;

  it.each(["login", "gdm-password", "gdm-autologin", "lightdm", "lightdm-greeter", "sddm", "greetd"])(
    "an account to the ghost through %s",
    (service) => {
      expect(judgeAuthentication(configOf(), { ...asked, service }, [], ON)).toMatchObject({ kind: "lease" });
    },
  );

  it("an account to the ghost under its configured name, and to no other name", () => {
    const config = configOf("[Guests]", "Ghost=visitor");
    expect(judgeAuthentication(config, { ...asked, user: "visitor" }, [], ON)).toMatchObject({ kind: "lease" });
    expect(judgeAuthentication(config, asked, [], ON)).toEqual({ kind: "ignored" });
  });

  it("the same account to a leader that asks again by the leased name, and to no other", () => {
    const session: Session = leasedIn("allocated");
    expect(judgeAuthentication(configOf(), { ...asked, user: LEASED.user }, [session], ON)).toEqual({
      kind: "again",
      session,
    });
    expect(judgeAuthentication(configOf(), { ...asked, user: LEASED.user, leaderPid: 501 }, [session], ON)).toEqual({
      kind: "ignored",
    });
    expect(judgeAuthentication(configOf(), { ...asked, user: "guest1" }, [session], ON)).toEqual({ kind: "ignored" });
  });

  it("the same account to a leader that asks again, even when all sessions are taken", () => {
    const session: Session = leasedIn("allocated");
    expect(judgeAuthentication(configOf("[Guests]", "MaxSessions=1"), asked, [session], ON)).toEqual({
      kind: "again",
      session,
    });
  });
});

describe("judgeAuthentication unlocks", () => {
  const asked: Authentication = {
    ...ASKED,
    user: LEASED.user,
    service: "gdm-password",
    tty: ":1",
    leaderPid: 800,
  };
  const judge = (change: Partial<Authentication> = {}, session: object = {}) =>
    judgeAuthentication(configOf(), { ...asked, ...change }, [sessionOf(session, LEASED_SESSION)], ON).kind;

  it.each<[string, Partial<Authentication>, object]>([
    ["nothing from a remote host", { rhost: "192.0.2.1" }, {}],
    ["nothing through a service that is no screen locker", { service: "login" }, {}],
    ["nothing through su", { service: "su" }, {}],
    ["no other user's screen", { user: "guest1" }, {}],
    ["no screen of a shared account", {}, { leased: false }],
    ["no screen of a session that is not open yet", {}, { phase: "allocated" }],
    ["no screen of a session that is ending", {}, { phase: "ending" }],
  ])("%s", (_, change, session) => {
    expect(judge(change, session)).toBe("ignored");
  });

  it("the screens of open sessions, when no new guest may log in", () => {
    expect(
      judgeAuthentication(configOf("[Guests]", "Enabled=no", "MaxSessions=1"), asked, [LEASED_SESSION], ON),
    ).toEqual({ kind: "unlocked" });
    expect(judgeAuthentication(configOf(), asked, [LEASED_SESSION], OFF)).toEqual({ kind: "unlocked" });
  });

  it("nothing while the configuration has errors", () => {
    expect(judgeAuthentication(undefined, asked, [LEASED_SESSION], ON)).toMatchObject({ kind: "refused" });
  });

  it.each(["gdm-password", "kde", "kde-fingerprint", "swaylock", "lightdm"])(
    "the guest's own screen through %s",
    (service) => {
      expect(judge({ service })).toBe("unlocked");
    },
  );
});

describe("a pattern of Passwordless=", () => {
  it.each([
    ["gdm-*", "gdm-x", "lease"],
    ["gdm-*", "gdm", "ignored"],
    ["*", "anything", "lease"],
    ["a.c", "abc", "ignored"],
    ["a*c", "abbc", "lease"],
    ["a*c", "abbcd", "ignored"],
    ["login", "login\n", "ignored"],
  ])("%j takes %j for %s", (pattern, service, kind) => {
    const config = configOf("[Guests]", "Passwordless=", `Passwordless=${pattern}`);
    expect(judgeAuthentication(config, { ...ASKED, service }, [], ON)).toMatchObject({ kind });
  });

  it.each(["sshd", "su", "su-l", "sudo", "sudo-i", "runuser", "cron", "atd"])(
    "%s does not count: the login would continue as the ghost",
    (service) => {
      const config = configOf("[Guests]", "Passwordless=*");
      expect(judgeAuthentication(config, { ...ASKED, service }, [], ON)).toEqual({ kind: "ignored" });
    },
  );
});

describe("listFull", () => {
  it("names each shared account once, and no leased one", () => {
    const sessions = [sessionOf({}), sessionOf({ id: "s2" }), sessionOf({ id: "s3", account: GHOST }), LEASED_SESSION];
    const list = (most: string) =>
      listFull(configOf("[Guests]", `MaxSessionsPerUser=${most}`), sessions).map(({ user }) => user);
    expect([list(""), list("3"), list("2"), list("1")]).toEqual([[], [], [GUEST.user], [GUEST.user, GHOST.user]]);
  });
});
