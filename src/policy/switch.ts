// The switch of an administrator: whether guests may log in to this machine at all, and what they are told if not. Pure.
// It stands below the configuration's Enabled=. Whatever is not known of it, it is off.

export interface LoginSwitch {
  readonly enabled: boolean;
  /** Why not, for those who are refused; "" where nobody said why, and while guests are let in. */
  readonly reason: string;
}

/** Before anybody has said anything. */
export const NEVER_ENABLED: LoginSwitch = { enabled: false, reason: "nobody has switched them on yet" };

/** With what stands around it a reason fits into a message of PAM (PAM_MAX_MSG_SIZE), so that nothing of it is cut off. */
const REASON_CHARACTERS = 200;
const REASON_BYTES = 400;

/** What is wrong with a reason, as the end of a sentence; undefined when nothing is. */
export function findReasonFault(reason: string): string | undefined {
  // Surrogates that stand alone are of this class, too.
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(reason)) return "has a character that cannot be printed";
  const isLong =
    Array.from(reason).length > REASON_CHARACTERS || new TextEncoder().encode(reason).length > REASON_BYTES;
  return isLong ? `is longer than ${REASON_CHARACTERS} characters, or ${REASON_BYTES} bytes` : undefined;
}

/** What a guest is told who is refused for it. */
export const describeOff = ({ reason }: LoginSwitch): string =>
  `Guest logins are switched off on this machine${explain(reason)}`;

/** What an administrator reads of it. */
export const describeSwitch = ({ enabled, reason }: LoginSwitch): string => (enabled ? "on." : `off${explain(reason)}`);

function explain(reason: string): string {
  if (reason === "") return ".";
  return /[.!?]$/.test(reason) ? `: ${reason}` : `: ${reason}.`;
}
