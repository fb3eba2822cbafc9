import { describe, expect, it } from "vitest";
import type { What } from "../../../src/policy/events.ts";
import type { LoginSwitch } from "../../../src/policy/switch.ts";
import { INITIAL_STATE } from "../../../src/policy/state.ts";
import { after, done, failed, find, kinds, leasedOpened, only, opened, READY, happen } from "../../helpers/play.ts";
import { ON } from "../../helpers/samples.ts";

const OFF: LoginSwitch = { enabled: false, reason: "an examination" };
const request = (loginSwitch: LoginSwitch, call = 5): What => ({ kind: "switch-requested", loginSwitch, call });

describe("the switch", () => {
  it("is off until its state is known", () => {
    expect(INITIAL_STATE.loginSwitch.enabled).toBe(false);
    expect(happen(INITIAL_STATE, { kind: "switch-found", loginSwitch: ON }).state.loginSwitch).toEqual(ON);
  });

  it.each([
    [ON, OFF, "guest logins are on as before: boom"],
    [OFF, ON, "guest logins are off as before: boom"],
  ])("stays unchanged when it cannot be saved (%j)", (before, loginSwitch, sentence) => {
    const { state, did } = after({ ...READY, loginSwitch: before }, request(loginSwitch), {
      failing: ["write-switch"],
    });
    expect(state.loginSwitch).toEqual(before);
    expect(kinds(did)).toEqual(["write-switch", "refuse"]);
    expect(find(did, "refuse")).toMatchObject({
      call: 5,
      code: "Failed",
      reason: expect.stringContaining(sentence) as string,
    });
  });

  it("takes effect once it is saved, and is answered then", () => {
    const asked = happen({ ...READY, loginSwitch: OFF }, request(ON));
    expect(asked.state.loginSwitch).toEqual(OFF);
    const { state, did } = after({ ...READY, loginSwitch: OFF }, request(ON));
    expect(state.loginSwitch).toEqual(ON);
    expect(did).toEqual([
      expect.objectContaining({ kind: "write-switch", loginSwitch: ON }),
      expect.objectContaining({ kind: "offer-ghost" }),
      expect.objectContaining({ kind: "answer", call: 5, answer: { kind: "switched" } }),
    ]);
  });

  it("has the last value when it is set twice at once", () => {
    const [first, second] = [happen(READY, request(OFF, 5)), happen(READY, request(ON, 6))].map(
      ({ effects }) => effects[0],
    );
    if (first === undefined || second === undefined) throw new Error("nothing is to be written down");
    expect(first.subject).toEqual(second.subject);
    const { state } = happen(happen(READY, done(first)).state, done(second));
    expect(state.loginSwitch).toEqual(ON);
    expect(happen(happen(READY, done(first)).state, failed(second)).state.loginSwitch).toEqual(OFF);
  });

  it.each([opened, leasedOpened])("leaves open sessions unchanged (%#)", (open) => {
    const before = open();
    const { state } = after(before, request(OFF));
    expect(only(state)).toEqual(only(before));
    expect(kinds(after(state, { kind: "tick", uptime: 1e15 }).did)).toEqual([]);
  });

  it("lets the user manager of an open session in while it is off", () => {
    const { state } = after(leasedOpened(), request(OFF));
    const { account } = only(state);
    expect(kinds(happen(state, { kind: "join-requested", id: "s2", call: 7, uid: account.uid }).effects)).toEqual([
      "answer",
    ]);
  });
});
