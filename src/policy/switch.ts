// The administrator's switch: whether guests may log in to this machine, and what they are told if not. Pure. Enabled=
// in the configuration must be yes as well. A switch that is unknown is off.
import { refusal } from "./refusals.ts";

export interface LoginSwitch {
  readonly enabled: boolean;
  /** The reason for those who are refused; "" if none was given, and while guests are admitted. */
  readonly reason: string;
}

/** Before an administrator has set it. */
export const NEVER_ENABLED: LoginSwitch = { enabled: false, reason: "they have not been switched on yet" };

/** With the rest of the sentence, a reason fits into a PAM message (PAM_MAX_MSG_SIZE) without being cut off. */
const REASON_CHARACTERS = 200;
const REASON_BYTES = 400;

/** What is wrong with a reason, as the end of a sentence; undefined if it is fine. */
export function findReasonFault(reason: string): string | undefined {
  // This class also contains lone surrogates.
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(reason)) return "has a character that cannot be printed";
  const isLong =
    Array.from(reason).length > REASON_CHARACTERS || new TextEncoder().encode(reason).length > REASON_BYTES;
  return isLong ? `is longer than ${REASON_CHARACTERS} characters, or ${REASON_BYTES} bytes` : undefined;
}

/** What a refused guest is told. */
export const describeOff = ({ reason }: LoginSwitch): string =>
  reason === "" ? refusal("switchedOff") : refusal("switchedOffFor", { reason: punctuate(reason) });

/** What an administrator reads. */
export const describeSwitch = ({ enabled, reason }: LoginSwitch): string => (enabled ? "on." : `off${explain(reason)}`);

const explain = (reason: string) => (reason === "" ? "." : `: ${punctuate(reason)}`);

const punctuate = (reason: string) => (/[.!?]$/.test(reason) ? reason : `${reason}.`);
