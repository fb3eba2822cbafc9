// What a login is told if its session cannot be prepared.
import type { EffectOf } from "./effects.ts";
import type { ErrorCode } from "./errors.ts";
import type { EffectFailed } from "./events.ts";
import type { Allocating, Opening } from "./session.ts";
import { refusal } from "./refusals.ts";
import { subjectOf } from "./subject.ts";

/** Returns what the guest is told. Technical reasons go to the journal only. */
export function refusalOf({ code, reason }: EffectFailed): { readonly code: ErrorCode; readonly reason: string } {
  return { code, reason: code === "Failed" ? refusal("notReady") : reason };
}

export function refuseLogin(session: Allocating | Opening, code: ErrorCode, reason: string): EffectOf<"refuse"> {
  return { kind: "refuse", subject: subjectOf(session), call: session.call, code, reason };
}
