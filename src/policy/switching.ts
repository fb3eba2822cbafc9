// How the switch is set. Open sessions continue.
import type { EffectOf } from "./effects.ts";
import type { Ended, EventOf } from "./events.ts";
import { offerGhost } from "./offering.ts";
import type { Next, State } from "./state.ts";
import { chain, stay } from "./state.ts";
import { SWITCH } from "./subject.ts";

export function requestSwitch(state: State, { loginSwitch, call }: EventOf<"switch-requested">): Next {
  return stay(state, { kind: "write-switch", subject: SWITCH, loginSwitch, call });
}

/** Applies the switch once it is saved. Otherwise the previous one stays in effect. */
export function applySwitch(state: State, effect: EffectOf<"write-switch">, event: Ended): Next {
  const { subject, loginSwitch, call } = effect;
  if (event.kind === "effect-done")
    // Greeters are told before the answer.
    return chain(offerGhost({ ...state, loginSwitch }), (next) =>
      stay(next, { kind: "answer", subject, call, answer: { kind: "switched" } }),
    );
  const { enabled } = state.loginSwitch;
  const reason = `The switch could not be written down, guest logins are ${enabled ? "on" : "off"} as before: ${event.reason}`;
  return stay(state, { kind: "refuse", subject, call, code: "Failed", reason });
}
