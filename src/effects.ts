// Which part of the system does which effect. No decisions; the logging is daemon.ts.
import type { Limits } from "./config/schema.ts";
import type { Cgroup } from "./policy/session.ts";
import type { PendingCalls } from "./bus/pending.ts";
import { receiptRecord, sessionRecord } from "./bus/records.ts";
import type { Service } from "./bus/service.ts";
import type { EffectRunner } from "./daemon.ts";
import type { Effect, Outcome } from "./policy/events.ts";
import type { Executor } from "./system/executor.ts";
import type { Leases } from "./system/leases.ts";
import type { Placement } from "./system/placement.ts";
import type { SessionStore } from "./system/store.ts";

export interface EffectParts {
  readonly executor: Executor;
  readonly placement: Placement;
  readonly leases: Leases;
  readonly store: SessionStore;
  /** What systemd and logind do with a user's units. */
  readonly users: {
    readonly limit: (cgroup: Cgroup, limits: Limits) => Promise<void>;
    readonly stopManager: (uid: number) => Promise<void>;
    readonly close: (uid: number) => Promise<void>;
  };
  readonly pending: PendingCalls;
  readonly service: Pick<Service, "emit">;
}

const NOTHING: Outcome = {};

/** The runner of all effects. */
export function makeEffectRunner({ executor, placement, leases, store, users, pending, service }: EffectParts): EffectRunner {
  return async (effect: Effect): Promise<Outcome> => {
    switch (effect.kind) {
      case "refuse":
        pending.settle(effect.call, { kind: "error", code: effect.code, reason: effect.reason });
        return NOTHING;
      case "watch-leader":
        return executor.watchLeader(effect.subject, effect.pid, effect.startTime, effect.busName, effect.view);
      case "enclose-leader":
        return placement.encloseLeader(effect.subject, effect.pid, effect.leased, effect.limits);
      case "publish-account":
        return leases.publish(effect.account);
      case "build-view":
        return executor.buildView(effect.subject, effect.plan, effect.isolated, effect.cgroup);
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
      case "limit-login":
        await users.limit(effect.cgroup, effect.limits);
        return NOTHING;
      case "stop-manager":
        await users.stopManager(effect.subject.uid);
        return NOTHING;
      case "kill-processes": {
        const { subject, leader, leased, openedUptime, view } = effect;
        const cgroups = await placement.findAll(effect.cgroups, subject, leader, leased, openedUptime);
        return executor.killProcesses(subject.id, view, cgroups, leased ? subject.uid : undefined);
      }
      case "close-login":
        await users.close(effect.subject.uid);
        leases.checkLogin(effect.subject);
        return NOTHING;
      case "drop-view":
        return executor.dropView(effect.subject, effect.tmpfs, effect.devices);
      case "remove-record":
        try {
          if (effect.lease !== undefined) leases.settle(effect.subject.uid, effect.lease.quarantine);
        } finally {
          store.remove(effect.subject.id, effect.subject.uid);
        }
        return NOTHING;
      case "announce-closed":
        service.emit("SessionClosed", "sa{sv}", [effect.receipt.id, receiptRecord(effect.receipt)]);
        return NOTHING;
      case "release-account":
        leases.withdraw(effect.subject);
        return NOTHING;
      default:
        return effect satisfies never;
    }
  };
}
