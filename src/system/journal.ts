// The journal: what happened goes in, one structured entry comes out. The only file that knows how.
// Which sentence stands for what is policy/messages.ts.
import type { ErrorCode } from "../policy/errors.ts";
import type { Effect, Outcome, Subject } from "../policy/events.ts";
import type { DaemonAction } from "../policy/messages.ts";
import { describeDone, describeFailed, MESSAGE_IDS } from "../policy/messages.ts";

export type Level = "err" | "warning" | "notice" | "info";

/** As systemd-journald's: one method for each level. */
export type JournalSend = Readonly<Record<Level, (message: string, fields: Record<string, string | number>) => void>>;

/** Where and why a step failed, from whatever was thrown. */
export interface Failure {
  readonly reason: string;
  readonly code?: ErrorCode;
  readonly step?: string;
  readonly path?: string;
  readonly errno?: number;
}

export class Journal {
  readonly #send: JournalSend;

  constructor(send: JournalSend) {
    this.#send = send;
  }

  /** An effect was done. */
  logDone(effect: Effect, outcome: Outcome): void {
    // The journal has it from an earlier guestd: a receipt comes once.
    if (outcome.repeated === true) return;
    const fields = { ...effectFields(effect, "done"), ...outcomeFields(effect, outcome) };
    this.#write(levelOf(effect), describeDone(effect, outcome), fields);
  }

  /** An effect has failed. */
  logFailed(effect: Effect, failure: Failure): void {
    const fields = { ...effectFields(effect, "failed"), ...failureFields(failure) };
    this.#write(isHangUp(failure) ? "notice" : "err", describeFailed(effect, failure.reason), fields);
  }

  /** Something about guestd itself. */
  logDaemon(level: Level, action: DaemonAction, message: string, extra: Record<string, string | number> = {}): void {
    this.#write(level, message, { MESSAGE_ID: MESSAGE_IDS[action], GUEST_ACTION: action, ...extra });
  }

  // A journal that cannot be written to must not end a session early, or keep one from ending.
  #write(level: Level, message: string, fields: Record<string, string | number>): void {
    try {
      this.#send[level](message, { SYSLOG_IDENTIFIER: "guestd", ...fields });
    } catch (error) {
      process.stderr.write(`guestd: journal: ${String(error)}: ${message}\n`);
    }
  }
}

// Whoever logs in may think better of it at any time: no fault of anybody's.
const isHangUp = ({ code }: { readonly code?: ErrorCode }) => code === "LeaderGone";

function levelOf(effect: Effect): Level {
  switch (effect.kind) {
    case "refuse":
      return isHangUp(effect) ? "notice" : "warning";
    case "announce-closed":
      return effect.receipt.left.length > 0 ? "err" : "notice";
    case "announce-opened":
    case "write-gate":
      return "notice";
    default:
      return "info";
  }
}

function effectFields(effect: Effect, result: "done" | "failed"): Record<string, string | number> {
  return {
    MESSAGE_ID: MESSAGE_IDS[effect.kind],
    ...subjectFields(effect.subject),
    GUEST_ACTION: effect.kind,
    GUEST_RESULT: result,
  };
}

function subjectFields({ id, user, uid, leader, service }: Subject): Record<string, string | number> {
  return { GUEST_SESSION: id, GUEST_USER: user, GUEST_UID: uid, GUEST_LEADER: leader, GUEST_SERVICE: service };
}

// With the whole plan in the journal the same view can be built again.
function outcomeFields(effect: Effect, outcome: Outcome): Record<string, string | number> {
  switch (effect.kind) {
    case "build-view":
      return {
        GUEST_PLAN: JSON.stringify(effect.plan),
        GUEST_NAMESPACE: outcome.view?.inode ?? 0,
        GUEST_SKIPPED: (outcome.view?.skipped ?? []).join(" "),
      };
    case "announce-closed":
      return { GUEST_RECEIPT: JSON.stringify(effect.receipt) };
    default:
      return {};
  }
}

function failureFields({ step, path, errno }: Failure): Record<string, string | number> {
  return {
    ...(step === undefined ? {} : { GUEST_STEP: step }),
    ...(path === undefined ? {} : { GUEST_PATH: path }),
    ...(errno === undefined ? {} : { ERRNO: errno }),
  };
}
