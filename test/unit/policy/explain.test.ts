import { describe, expect, it } from "vitest";
import { explainLogin, NSCD_FAULT, refuseFor } from "../../../src/policy/explain.ts";
import { makePlan } from "../../../src/policy/plan.ts";
import { configOf, FACTS, GHOST, GUEST, ON, SESSION } from "../../helpers/samples.ts";

const LOGIN = { account: GUEST, member: true, service: "login" };

describe("explainLogin", () => {
  it("says refused while the configuration has errors, whoever it is", () => {
    expect(explainLogin(undefined, { ...LOGIN, member: false }, [], ON, FACTS)).toMatchObject({
      verdict: "refused",
      plan: [],
    });
  });

  it("says ignored, and the group's name, of somebody who is no guest", () => {
    const explanation = explainLogin(
      configOf("[Guests]", "Group=visitors"),
      { ...LOGIN, member: false },
      [],
      ON,
      FACTS,
    );
    expect(explanation).toMatchObject({ verdict: "ignored", plan: [] });
    expect(explanation.reason).toContain("visitors");
  });

  it("says refused, and why, of a guest who may not log in", () => {
    expect(explainLogin(configOf(), { ...LOGIN, service: "cron" }, [], ON, FACTS)).toMatchObject({
      verdict: "refused",
      reason: expect.stringContaining("cron") as string,
    });
  });

  it("says refused, and the reason of the switch, of every guest while it is off", () => {
    const loginSwitch = { enabled: false, reason: "an examination" };
    for (const account of [GUEST, GHOST]) {
      expect(explainLogin(configOf(), { ...LOGIN, account }, [], loginSwitch, FACTS)).toEqual({
        verdict: "refused",
        reason: expect.stringContaining("off on this machine: an examination.") as string,
        leased: false,
        plan: [],
        warnings: [],
      });
    }
    expect(explainLogin(configOf(), { ...LOGIN, member: false }, [], loginSwitch, FACTS)).toMatchObject({
      verdict: "ignored",
    });
  });

  it("says refused, and what to set, of the ghost where the uids of the range do not exist", () => {
    const uidMap = [{ first: 0, last: 65_535 }];
    const config = configOf("[Guests]", "LeaseRange=65530-98303");
    expect(explainLogin(config, { ...LOGIN, account: GHOST }, [], ON, FACTS, [])).toMatchObject({
      verdict: "refused",
      reason: expect.stringContaining("Set LeaseRange=") as string,
    });
    expect(explainLogin(config, { ...LOGIN, account: GHOST }, [], ON, FACTS, uidMap).reason).toContain("uid 65530");
  });

  it("says refused, and why, of the ghost when the machine is full", () => {
    const explanation = explainLogin(
      configOf("[Guests]", "MaxSessions=1"),
      { ...LOGIN, account: GHOST },
      [SESSION],
      ON,
      FACTS,
    );
    expect(explanation).toMatchObject({
      verdict: "refused",
      reason: expect.stringContaining("As many guests") as string,
      plan: [],
    });
  });

  it.each([
    ["login", "/dev/tty1"],
    ["sshd", "ssh"],
  ])("gives the plan that the login would get through %s", (service, tty) => {
    const plan = makePlan(configOf(), { account: GUEST, leased: false, service, tty, display: "" }, FACTS);
    expect(explainLogin(configOf(), { ...LOGIN, service }, [], ON, FACTS)).toMatchObject({ verdict: "admitted", plan });
  });

  it("tells of the leased account that the ghost would get, and changes nothing of it", () => {
    const explanation = explainLogin(
      configOf("[Guests]", "LeaseRange=60700-60701", "Shell=/bin/sh"),
      { ...LOGIN, account: GHOST },
      [],
      ON,
      FACTS,
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
  ])("tells whose IPC objects the leased account has through %s", (service, isOwn, words) => {
    const explanation = explainLogin(configOf(), { ...LOGIN, account: GHOST, service }, [], ON, FACTS);
    expect(explanation.reason).toContain(words);
    expect(explanation.plan.some(({ kind }) => kind === "mqueue")).toBe(isOwn);
  });

  it("tells of a view of the shared account where the ghost gets no account of its own", () => {
    const explanation = explainLogin(configOf(), { ...LOGIN, account: GHOST, service: "sshd" }, [], ON, FACTS);
    expect(explanation).toMatchObject({
      verdict: "admitted",
      reason: expect.stringContaining("apart from other sessions") as string,
    });
    expect(explanation.plan.some(({ kind }) => kind === "mqueue")).toBe(true);
  });

  it("says refused, and keeps the plan to look at, of a login that the machine does not admit", () => {
    const admitted = explainLogin(configOf(), { ...LOGIN, account: GHOST }, [], ON, FACTS);
    expect(admitted).toMatchObject({ verdict: "admitted", leased: true });
    const refused = refuseFor(admitted, NSCD_FAULT);
    expect(refused).toMatchObject({ verdict: "refused", leased: true, plan: admitted.plan });
    expect(refused.reason).toMatch(/^Nscd caches accounts .* then restart nscd\.$/);
  });
});
