// What a login is told when its session could not be prepared.
import type { EffectOf } from "./effects.ts";
import type { ErrorCode } from "./errors.ts";
import type { EffectFailed } from "./events.ts";
import type { Allocating, Opening } from "./session.ts";
import { subjectOf } from "./subject.ts";

export const NOT_READY = "Your guest session could not be made ready. Please ask the administrator of this machine.";

/** What a guest is told about a failed stage. Technical reasons go to the journal. */
export function refusalOf({ code, reason }: EffectFailed): { readonly code: ErrorCode; readonly reason: string } {
  return { code, reason: code === "Failed" ? NOT_READY : reason };
}

/** Answers the call that waits for the session with a refusal. */
export function refuseLogin(session: Allocating | Opening, code: ErrorCode, reason: string): EffectOf<"refuse"> {
  return { kind: "refuse", subject: subjectOf(session), call: session.call, code, reason };
}
