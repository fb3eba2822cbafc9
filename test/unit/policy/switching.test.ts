import { describe, expect, it } from "vitest";
import type { Event } from "../../../src/policy/events.ts";
import type { Gate } from "../../../src/policy/switch.ts";
import { step } from "../../../src/policy/transition.ts";
import { INITIAL_STATE } from "../../../src/policy/state.ts";
import { after, done, failed, find, kinds, leasedOpened, only, opened, READY } from "../../helpers/play.ts";
import { ON } from "../../helpers/samples.ts";

const OFF: Gate = { enabled: false, reason: "an examination" };
const request = (gate: Gate, call = 5): Event => ({ kind: "gate-requested", gate, call });

describe("the switch", () => {
  it("is off until something else is known", () => {
    expect(INITIAL_STATE.gate.enabled).toBe(false);
    expect(step(INITIAL_STATE, { kind: "gate-found", gate: ON })).toEqual({
      state: { ...INITIAL_STATE, gate: ON },
      effects: [],
    });
  });

  it.each([
    [ON, OFF, "guest logins are on as before: boom"],
    [OFF, ON, "guest logins are off as before: boom"],
  ])("stays as it was when it cannot be written down (%j)", (before, gate, sentence) => {
    const { state, did } = after({ ...READY, gate: before }, request(gate), { failing: ["write-gate"] });
    expect(state.gate).toEqual(before);
    expect(kinds(did)).toEqual(["write-gate", "refuse"]);
    expect(find(did, "refuse")).toMatchObject({
      call: 5,
      code: "Failed",
      reason: expect.stringContaining(sentence) as string,
    });
  });

  it("counts only when it is on disk, and is answered then", () => {
    const asked = step({ ...READY, gate: OFF }, request(ON));
    expect(asked.state.gate).toEqual(OFF);
    const { state, did } = after({ ...READY, gate: OFF }, request(ON));
    expect(state.gate).toEqual(ON);
    expect(did).toEqual([
      expect.objectContaining({ kind: "write-gate", gate: ON }),
      expect.objectContaining({ kind: "answer", call: 5, answer: { kind: "gated" } }),
    ]);
  });

  it("is what was written down last, when it is set twice at a time", () => {
    const [first, second] = [step(READY, request(OFF, 5)), step(READY, request(ON, 6))].map(
      ({ effects }) => effects[0],
    );
    if (first === undefined || second === undefined) throw new Error("nothing is to be written down");
    expect(first.subject).toEqual(second.subject);
    const { state } = step(step(READY, done(first)).state, done(second));
    expect(state.gate).toEqual(ON);
    expect(step(step(READY, done(first)).state, failed(second)).state.gate).toEqual(OFF);
  });

  it.each([opened, leasedOpened])("leaves sessions that are open as they are (%#)", (open) => {
    const before = open();
    const { state } = after(before, request(OFF));
    expect(only(state)).toEqual(only(before));
    expect(kinds(after(state, { kind: "tick", uptime: 1e15 }).did)).toEqual([]);
  });

  it("lets the user manager of an open session in, when it is off", () => {
    const { state } = after(leasedOpened(), request(OFF));
    const { account } = only(state);
    expect(kinds(step(state, { kind: "join-requested", id: "s2", call: 7, uid: account.uid }).effects)).toEqual([
      "answer",
    ]);
  });
});
