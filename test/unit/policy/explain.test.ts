import { describe, expect, it } from "vitest";
import type { Config } from "../../../src/config/schema.ts";
import { explainLogin as judge, NSCD_FAULT, refuseFor } from "../../../src/policy/explain.ts";
import type { ExplainedLogin, Judging } from "../../../src/policy/explain.ts";
import { fillPool, EMPTY_POOL } from "../../../src/policy/lease.ts";
import { makeNotice } from "../../../src/policy/notice.ts";
import { makePlan } from "../../../src/policy/plan.ts";
import type { Session } from "../../../src/policy/session.ts";
import { INITIAL_STATE } from "../../../src/policy/state.ts";
import type { LoginSwitch } from "../../../src/policy/switch.ts";
import { NO_WALK } from "../../../src/policy/walk.ts";
import { configOf, FACTS, GHOST, GUEST, LEASED, LEASED_SESSION, ON, SESSION } from "../../helpers/samples.ts";

function explainLogin(
  config: Config | undefined,
  login: ExplainedLogin,
  sessions: readonly Session[],
  loginSwitch: LoginSwitch,
  change: Partial<Judging> = {},
) {
  const pool = config === undefined ? EMPTY_POOL : fillPool(config.Guests.LeaseRange, EMPTY_POOL);
  const live = new Map(sessions.map((session) => [session.id, session]));
  return judge({ ...INITIAL_STATE, config, sessions: live, loginSwitch, pool, ...change }, login, FACTS);
}

const LOGIN = { account: GUEST, member: true, service: "login" };

describe("explainLogin", () => {
  it(`returns "refused" while the configuration has errors, for every user`, () => {
    expect(explainLogin(undefined, { ...LOGIN, member: false }, [], ON)).toMatchObject({
      verdict: "refused",
      plan: [],
    });
  });

  it(`returns "ignored" and the group's name for a user outside the group`, () => {
    const explanation = explainLogin(configOf("[Guests]", "Group=visitors"), { ...LOGIN, member: false }, [], ON);
    expect(explanation).toMatchObject({ verdict: "ignored", plan: [] });
    expect(explanation.reason).toContain("visitors");
  });

  it(`returns "refused" and the reason for a guest who may not log in`, () => {
    expect(explainLogin(configOf(), { ...LOGIN, service: "cron" }, [], ON)).toMatchObject({
      verdict: "refused",
      reason: expect.stringContaining("cron") as string,
    });
  });

  it.each([
    [GHOST, "login", true],
    [GHOST, "lightdm", true],
    [GHOST, "lightdm-autologin", false],
    [GHOST, "lightdm-guest", false],
    [GHOST, "sddm", false],
    [GUEST, "login", true],
    [GUEST, "su-l", true],
    [GUEST, "sshd", false],
    [GUEST, "gdm-password", false],
  ])("of %o at %s reports whether terms of use can be accepted there: %s", (account, service, can) => {
    const notice = makeNotice(configOf(), "", { text: "Be kind.", digest: "d" });
    const login = { account, member: true, service };
    expect(explainLogin(configOf(), login, [], ON, { notice })).toMatchObject(
      can
        ? {
            verdict: "admitted",
            reason: expect.stringMatching(/ The terms of use have to be accepted first\.$/) as string,
          }
        : { verdict: "refused", reason: expect.stringContaining("terms of use") as string, plan: [] },
    );
    expect(explainLogin(configOf(), login, [], ON).reason).not.toContain("terms of use");
  });

  it(`returns "refused" and the switch's reason for every guest while it is off`, () => {
    const loginSwitch = { enabled: false, reason: "an examination" };
    for (const account of [GUEST, GHOST]) {
      expect(explainLogin(configOf(), { ...LOGIN, account }, [], loginSwitch)).toEqual({
        verdict: "refused",
        reason: expect.stringContaining("off on this machine: an examination.") as string,
        leased: false,
        plan: [],
        warnings: [],
      });
    }
    expect(explainLogin(configOf(), { ...LOGIN, member: false }, [], loginSwitch)).toMatchObject({
      verdict: "ignored",
    });
  });

  it(`returns "refused" and the setting to change where the range's UIDs do not exist`, () => {
    const uidMap = [{ first: 0, last: 65_535 }];
    const config = configOf("[Guests]", "LeaseRange=65530-98303");
    expect(explainLogin(config, { ...LOGIN, account: GHOST }, [], ON, { uidMap: [] })).toMatchObject({
      verdict: "refused",
      reason: expect.stringContaining("Set LeaseRange=") as string,
    });
    expect(explainLogin(config, { ...LOGIN, account: GHOST }, [], ON, { uidMap }).reason).toContain("uid 65530");
  });

  it(`returns "refused" and the reason for the ghost when all sessions are taken`, () => {
    const explanation = explainLogin(
      configOf("[Guests]", "MaxSessions=1"),
      { ...LOGIN, account: GHOST },
      [SESSION],
      ON,
    );
    expect(explanation).toMatchObject({
      verdict: "refused",
      reason: expect.stringContaining("as many guests") as string,
      plan: [],
    });
  });

  it(`returns "refused" and where to look for the ghost when no UID is free, whatever the reason for each`, () => {
    const config = configOf("[Guests]", "LeaseRange=60700-60703");
    const foreign = { reason: "it belongs to u1", user: "", foreign: true };
    const pool = { unused: [60702], rested: [60703], quarantined: new Map([[60701, foreign]]) };
    const walk = { ...NO_WALK, uids: [60703] };
    const session = { ...LEASED_SESSION, account: { ...LEASED, uid: 60702 } };
    const login = { ...LOGIN, account: GHOST };
    const { verdict, reason } = explainLogin(config, login, [session], ON, { pool, walk });
    expect(verdict).toBe("refused");
    expect(reason).toMatch(/^All guest accounts are in use: no uid of LeaseRange=60700-60703 .*"guestctl leases"/);
    expect(explainLogin(config, login, [session], ON, { pool }).reason).toContain("uid 60703");
    expect(explainLogin(config, login, [], ON, { pool, walk }).reason).toContain("uid 60702");
  });

  it.each([
    ["login", "/dev/tty1"],
    ["sshd", "ssh"],
  ])("returns the plan of the login through %s", (service, tty) => {
    const plan = makePlan(configOf(), { account: GUEST, leased: false, service, tty, display: "" }, FACTS);
    expect(explainLogin(configOf(), { ...LOGIN, service }, [], ON)).toMatchObject({ verdict: "admitted", plan });
  });

  it("describes the account that the ghost would get, and leases none", () => {
    const explanation = explainLogin(
      configOf("[Guests]", "LeaseRange=60700-60701", "Shell=/bin/sh"),
      { ...LOGIN, account: GHOST },
      [],
      ON,
    );
    expect(explanation).toMatchObject({ verdict: "admitted", reason: expect.stringContaining("uid 60700") as string });
    expect(explanation.plan.find(({ target }) => target === "/home/guest-xxxx")).toMatchObject({
      uid: 60700,
      gid: GHOST.gid,
    });
  });

  it.each([
    ["login", true, "message queues are its own"],
    ["lightdm", false, "shares System V IPC with the host"],
    ["sddm-autologin", false, "shares System V IPC with the host"],
  ])("reports whose IPC objects the leased account uses through %s", (service, isOwn, words) => {
    const explanation = explainLogin(configOf(), { ...LOGIN, account: GHOST, service }, [], ON);
    expect(explanation.reason).toContain(words);
    expect(explanation.plan.some(({ kind }) => kind === "mqueue")).toBe(isOwn);
  });

  it.each(["sddm", "greetd", "gdm-password", "lightdm"])(
    "describes the leased account that the ghost gets from the display manager of %s, whenever that names its terminal",
    (service) => {
      const explain = (...lines: string[]) =>
        explainLogin(configOf("[Guests]", ...lines), { ...LOGIN, account: GHOST, service }, [], ON);
      expect(explain()).toMatchObject({ verdict: "admitted", leased: true });
      const isLate = ["sddm", "greetd"].includes(service);
      expect(explain("DisplayManagers=")).toMatchObject(
        isLate
          ? { verdict: "refused", reason: expect.stringContaining("DisplayManagers=") as string }
          : { verdict: "admitted" },
      );
      // The session would not open at the terminal named later.
      expect(explain("Terminals=")).toMatchObject({ verdict: "refused" });
    },
  );

  it("describes the shared account's view where the ghost gets no account of its own", () => {
    const explanation = explainLogin(configOf(), { ...LOGIN, account: GHOST, service: "sshd" }, [], ON);
    expect(explanation).toMatchObject({
      verdict: "admitted",
      reason: expect.stringContaining("apart from other sessions") as string,
    });
    expect(explanation.plan.some(({ kind }) => kind === "mqueue")).toBe(true);
  });

  it(`returns "refused" with the plan for a login that the machine does not admit`, () => {
    const admitted = explainLogin(configOf(), { ...LOGIN, account: GHOST }, [], ON);
    expect(admitted).toMatchObject({ verdict: "admitted", leased: true });
    const refused = refuseFor(admitted, NSCD_FAULT);
    expect(refused).toMatchObject({ verdict: "refused", leased: true, plan: admitted.plan });
    expect(refused.reason).toMatch(/^Nscd caches accounts .* then restart nscd\.$/);
  });
});
