// How the switch of guest logins is set: it is on disk before it counts. Sessions that are open go on.
import type { EffectOf } from "./effects.ts";
import type { Ended, EventOf } from "./events.ts";
import { offerGhost } from "./offering.ts";
import type { Next, State } from "./state.ts";
import { chain, stay } from "./state.ts";
import { SWITCH } from "./subject.ts";

/** An administrator's SetEnabled. */
export function requestSwitch(state: State, { loginSwitch, call }: EventOf<"switch-requested">): Next {
  return stay(state, { kind: "write-switch", subject: SWITCH, loginSwitch, call });
}

/** The switch is on disk: from now on it counts; or it could not be written, and what was said before counts. */
export function applySwitch(state: State, effect: EffectOf<"write-switch">, event: Ended): Next {
  const { subject, loginSwitch, call } = effect;
  if (event.kind === "effect-done")
    // The answer comes last: by then greeters have been told.
    return chain(offerGhost({ ...state, loginSwitch }), (next) =>
      stay(next, { kind: "answer", subject, call, answer: { kind: "switched" } }),
    );
  const { enabled } = state.loginSwitch;
  const reason = `The switch could not be written down, guest logins are ${enabled ? "on" : "off"} as before: ${event.reason}`;
  return stay(state, { kind: "refuse", subject, call, code: "Failed", reason });
}
