// How the switch of guest logins is set: it is on disk before it counts. Sessions that are open go on.
import type { Effect, Event, Subject } from "./events.ts";
import { GATE_ID } from "./records.ts";
import type { Next, State } from "./state.ts";
import { stay } from "./state.ts";

/** An administrator's SetEnabled. */
export function requestGate(state: State, { gate, call }: Event & { kind: "gate-requested" }): Next {
  return stay(state, { kind: "write-gate", subject: SUBJECT, gate, call });
}

/** The switch is on disk: from now on it counts. */
export function setGate(state: State, { subject, gate, call }: Effect & { kind: "write-gate" }): Next {
  return stay({ ...state, gate }, { kind: "answer", subject, call, answer: { kind: "gated" } });
}

/** It could not be written down: what was said before counts. */
export function keepGate(state: State, { subject, call }: Effect & { kind: "write-gate" }, reason: string): Next {
  const { enabled } = state.gate;
  const sentence = `The switch could not be written down, guest logins are ${enabled ? "on" : "off"} as before: ${reason}`;
  return stay(state, { kind: "refuse", subject, call, code: "Failed", reason: sentence });
}

// No session's, and nobody's but root's: but what is done about the switch is done in order.
const SUBJECT: Subject = { id: GATE_ID, user: "", uid: 0, leader: 0, service: "" };
