// Which part of the system does which effect. No decisions; the logging is daemon.ts.
import type { PendingCalls } from "./bus/pending.ts";
import { receiptRecord, sessionRecord } from "./bus/records.ts";
import type { Service } from "./bus/service.ts";
import type { EffectRunner } from "./daemon.ts";
import type { Effect, Outcome } from "./policy/events.ts";
import type { Executor } from "./system/executor.ts";
import type { SessionStore } from "./system/store.ts";

export interface EffectParts {
  readonly executor: Executor;
  readonly store: SessionStore;
  readonly pending: PendingCalls;
  readonly service: Pick<Service, "emit">;
}

const NOTHING: Outcome = {};

/** The runner of all effects. */
export function makeEffectRunner({ executor, store, pending, service }: EffectParts): EffectRunner {
  return async (effect: Effect): Promise<Outcome> => {
    switch (effect.kind) {
      case "refuse":
        pending.settle(effect.call, { kind: "error", code: effect.code, reason: effect.reason });
        return NOTHING;
      case "watch-leader":
        return executor.watchLeader(effect.subject, effect.pid, effect.startTime, effect.busName, effect.view);
      case "enclose-leader":
        return executor.encloseLeader(effect.subject, effect.pid);
      case "build-view":
        return executor.buildView(effect.subject, effect.plan);
      case "write-record":
        store.write(effect.session);
        return NOTHING;
      case "answer":
        pending.settle(effect.call, effect.answer);
        return NOTHING;
      case "announce-opened":
        service.emit("SessionOpened", "sa{sv}", [effect.session.id, sessionRecord(effect.session)]);
        return NOTHING;
      case "note-close":
        return NOTHING;
      case "kill-processes":
        return executor.killProcesses(effect.subject, effect.leader, effect.openedUptime, effect.view, effect.cgroups);
      case "drop-view":
        executor.dropView(effect.subject);
        return NOTHING;
      case "remove-record":
        store.remove(effect.subject.id, effect.subject.uid);
        return NOTHING;
      case "announce-closed":
        service.emit("SessionClosed", "sa{sv}", [effect.receipt.id, receiptRecord(effect.receipt)]);
        return NOTHING;
      default:
        return effect satisfies never;
    }
  };
}
