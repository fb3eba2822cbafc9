// The only file that writes the journal, an entry for each event. Policy has the sentences.
import type { AnyEffect, EffectKind, EffectOf, FoundOf } from "../policy/effects.ts";
import { rowOf } from "../policy/effects.ts";
import type { Level } from "../policy/effects/row.ts";
import type { ErrorCode } from "../policy/errors.ts";
import type { DaemonAction } from "../policy/messages.ts";
import { describeFailed, MESSAGE_IDS } from "../policy/messages.ts";
import type { Subject } from "../policy/subject.ts";

type Fields = Readonly<Record<string, string | number>>;

/** systemd-journald's interface. */
export type JournalSend = Readonly<Record<Level, (message: string, fields: Record<string, string | number>) => void>>;

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

  logDone<K extends EffectKind>(effect: EffectOf<K>, found: FoundOf<K>): void {
    const { done, level, fields } = rowOf<K>(effect.kind);
    const message = done(effect, found);
    if (message === undefined) return;
    this.#write(level?.(effect) ?? "info", message, { ...effectFields(effect, "done"), ...fields?.(effect, found) });
  }

  logFailed(effect: AnyEffect, failure: Failure): void {
    const fields = { ...effectFields(effect, "failed"), ...failureFields(failure) };
    // A user may break off a login.
    this.#write(failure.code === "LeaderGone" ? "notice" : "err", describeFailed(effect, failure.reason), fields);
  }

  logDaemon(level: Level, action: DaemonAction, message: string, extra: Record<string, string | number> = {}): void {
    this.#write(level, message, { MESSAGE_ID: MESSAGE_IDS[action], GUEST_ACTION: action, ...extra });
  }

  // A failing journal must not affect sessions.
  #write(level: Level, message: string, fields: Record<string, string | number>): void {
    try {
      this.#send[level](message, { SYSLOG_IDENTIFIER: "guestd", ...fields });
    } catch (error) {
      process.stderr.write(`guestd: journal: ${String(error)}: ${message}\n`);
    }
  }
}

function effectFields(effect: AnyEffect, result: "done" | "failed"): Fields {
  const action = { GUEST_ACTION: effect.kind, GUEST_RESULT: result };
  return { MESSAGE_ID: MESSAGE_IDS[effect.kind], ...subjectFields(effect.subject), ...action };
}

function subjectFields(subject: Subject): Fields {
  switch (subject.of) {
    case "session": {
      const { id, user, uid, leader, service } = subject;
      return { GUEST_SESSION: id, GUEST_USER: user, GUEST_UID: uid, GUEST_LEADER: leader, GUEST_SERVICE: service };
    }
    case "uid":
      return { GUEST_USER: subject.user, GUEST_UID: subject.uid };
    case "switch":
    case "paths":
      return {};
    default:
      return subject satisfies never;
  }
}

function failureFields({ step, path, errno }: Failure): Fields {
  return {
    ...(step === undefined ? {} : { GUEST_STEP: step }),
    ...(path === undefined ? {} : { GUEST_PATH: path }),
    ...(errno === undefined ? {} : { ERRNO: errno }),
  };
}
