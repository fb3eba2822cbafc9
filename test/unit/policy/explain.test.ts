import { describe, expect, it } from "vitest";
import { explainLogin } from "../../../src/policy/explain.ts";
import { makePlan } from "../../../src/policy/plan.ts";
import { configOf, FACTS, GUEST } from "../../helpers/samples.ts";

const LOGIN = { account: GUEST, member: true, service: "login" };

describe("explainLogin", () => {
  it("says refused while the configuration has errors, whoever it is", () => {
    expect(explainLogin(undefined, { ...LOGIN, member: false }, [], FACTS)).toMatchObject({ verdict: "refused", plan: [] });
  });

  it("says ignored, and the group's name, of somebody who is no guest", () => {
    const explanation = explainLogin(configOf("[Guests]", "Group=visitors"), { ...LOGIN, member: false }, [], FACTS);
    expect(explanation).toMatchObject({ verdict: "ignored", plan: [] });
    expect(explanation.reason).toContain("visitors");
  });

  it("says refused, and why, of a guest who may not log in", () => {
    expect(explainLogin(configOf(), { ...LOGIN, service: "cron" }, [], FACTS)).toMatchObject({ verdict: "refused", reason: expect.stringContaining("cron") as string });
  });

  it("gives the plan that the login would get", () => {
    expect(explainLogin(configOf(), LOGIN, [], FACTS)).toMatchObject({ verdict: "admitted", plan: makePlan(configOf(), GUEST, FACTS) });
  });
});
