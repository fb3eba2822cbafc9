// The administrator's switch of guest logins. Pure. Enabled= must be yes as well.
import { refusal } from "./refusals.ts";

export interface LoginSwitch {
  readonly enabled: boolean;
  /** Why guests are refused; may be empty. */
  readonly reason: string;
}

export const NEVER_ENABLED: LoginSwitch = { enabled: false, reason: "they have not been switched on yet" };

/** The sentence must fit into a PAM message (PAM_MAX_MSG_SIZE). */
const REASON_CHARACTERS = 200;
const REASON_BYTES = 400;

/** Returns what is wrong with a reason, as the end of a sentence. */
export function findReasonFault(reason: string): string | undefined {
  // The class includes lone surrogates.
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(reason)) return "has a character that cannot be printed";
  const isLong =
    Array.from(reason).length > REASON_CHARACTERS || new TextEncoder().encode(reason).length > REASON_BYTES;
  return isLong ? `is longer than ${REASON_CHARACTERS} characters, or ${REASON_BYTES} bytes` : undefined;
}

/** Returns what a refused guest is told. */
export const describeOff = ({ reason }: LoginSwitch): string =>
  reason === "" ? refusal("switchedOff") : refusal("switchedOffFor", { reason: punctuate(reason) });

/** Returns what an administrator reads. */
export const describeSwitch = ({ enabled, reason }: LoginSwitch): string => (enabled ? "on." : `off${explain(reason)}`);

const explain = (reason: string) => (reason === "" ? "." : `: ${punctuate(reason)}`);

const punctuate = (reason: string) => (/[.!?]$/.test(reason) ? reason : `${reason}.`);
