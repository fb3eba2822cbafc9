// Which part of the system does which effect. No decisions; the logging is daemon.ts.
import type { Config, Limits } from "./config/schema.ts";
import type { Findings } from "./policy/receipt.ts";
import type { Cgroup, Leader, View } from "./policy/session.ts";
import type { PendingCalls } from "./bus/pending.ts";
import { receiptRecord, sessionRecord } from "./bus/wire.ts";
import type { Service } from "./bus/service.ts";
import type { EffectRunner } from "./daemon.ts";
import { GuestError } from "./policy/errors.ts";
import type { Effect, Outcome, Subject } from "./policy/events.ts";
import type { Leases } from "./system/accounts/leases.ts";
import type { SwitchStore } from "./system/state/switch-store.ts";
import type { Ledger } from "./system/state/ledger.ts";
import type { Membership } from "./system/processes/kill.ts";
import type { Placement } from "./system/processes/placement.ts";
import type { Holdings } from "./system/sessions/holdings.ts";
import type { Leaders } from "./system/sessions/leaders.ts";
import type { Views } from "./system/sessions/views.ts";
import type { SessionStore } from "./system/state/session-store.ts";
import type { Sweeper } from "./system/sweep/sweep.ts";

export interface EffectParts {
  readonly holdings: Pick<Holdings, "membershipOf">;
  readonly leaders: Pick<Leaders, "watch" | "isAlive">;
  readonly views: Pick<Views, "build" | "drop" | "letGo">;
  /** Takes up a session of an earlier guestd. */
  readonly takeUp: (subject: Subject, leader: Leader, recorded: View | undefined) => Outcome;
  readonly endProcesses: (membership: Membership) => Promise<Partial<Findings>>;
  readonly placement: Placement;
  readonly leases: Leases;
  readonly store: SessionStore;
  readonly ledger: Ledger;
  readonly loginSwitch: SwitchStore;
  readonly sweeper: Sweeper;
  readonly sweepLease: (account: Subject, session: string, settings: Config["Sweep"]) => Promise<Outcome>;
  /** What systemd and logind do with a user's units. */
  readonly users: {
    readonly limit: (cgroup: Cgroup, limits: Limits) => Promise<void>;
    readonly stopManager: (uid: number) => Promise<void>;
    readonly close: (uid: number) => Promise<void>;
  };
  readonly pending: PendingCalls;
  readonly service: Pick<Service, "emit">;
  /** Whether the journal has the receipt of a session. */
  readonly wasAnnounced: (id: string) => Promise<boolean>;
  /** Those in force, or the defaults while the configuration has errors. */
  readonly settings: () => Pick<Config, "Sweep" | "Daemon">;
}

const NOTHING: Outcome = {};

/** The runner of all effects. */
export function makeEffectRunner(parts: EffectParts): EffectRunner {
  const { holdings, leaders, views, placement, leases, store, ledger, sweeper, users, pending, service, settings } =
    parts;
  return async (effect: Effect): Promise<Outcome> => {
    switch (effect.kind) {
      case "refuse":
        pending.answer(effect.call, { kind: "error", code: effect.code, reason: effect.reason });
        return NOTHING;
      case "watch-leader":
        if (effect.startTime !== 0) return parts.takeUp(effect.subject, effect, effect.view);
        return leaders.watch(effect.subject, effect.pid, effect.busName);
      case "enclose-leader":
        return whileAlive(
          leaders,
          effect.subject,
          placement.encloseLeader(effect.subject, effect.pid, effect.leased, effect.limits),
        );
      case "publish-account":
        return leases.publish(effect.account);
      case "build-view":
        return whileAlive(
          leaders,
          effect.subject,
          views.build(effect.subject, effect.plan, effect.isolated, effect.cgroup),
        );
      case "write-record":
      case "note-ending":
        store.write(effect.session);
        return NOTHING;
      case "enter-ledger":
        await ledger.enter(effect.session);
        return NOTHING;
      case "answer":
        pending.answer(effect.call, effect.answer);
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
        const membership = holdings.membershipOf(subject.id, view, cgroups, leased ? subject.uid : undefined);
        return { found: await parts.endProcesses(membership) };
      }
      case "close-login": {
        const linger = leases.dropLinger(effect.subject);
        await users.close(effect.subject.uid);
        return { found: { swept: [linger] } };
      }
      case "drop-view":
        return views.drop(effect.subject, effect);
      case "sweep-account":
        await leases.checkForeign(effect.subject);
        return { found: { swept: await sweeper.sweep(effect.subject, settings().Sweep) } };
      case "write-receipt":
        await ledger.keepReceipt(effect.receipt, settings().Daemon.KeepReceipts);
        return NOTHING;
      case "announce-closed":
        if (effect.repeated && (await parts.wasAnnounced(effect.receipt.id))) return { repeated: true };
        service.emit("SessionClosed", "sa{sv}", [effect.receipt.id, receiptRecord(effect.receipt)]);
        return NOTHING;
      case "release-account":
        leases.withdraw(effect.subject);
        return NOTHING;
      case "remove-record":
        await removeRecord(parts, effect);
        return NOTHING;
      case "sweep-lease":
        await leases.checkForeign(effect.subject);
        leases.withdraw(effect.subject);
        return parts.sweepLease(effect.subject, effect.session, settings().Sweep);
      case "settle-lease":
        await leases.saveUid(effect.subject.uid, undefined);
        return NOTHING;
      case "write-gate":
        await parts.loginSwitch.write(effect.gate);
        return NOTHING;
      default:
        return effect satisfies never;
    }
  };
}

// Whoever hangs up has broken off his login: that it cannot be made ready then is no fault.
async function whileAlive(leaders: EffectParts["leaders"], { id }: Subject, work: Promise<Outcome>): Promise<Outcome> {
  try {
    return await work;
  } catch (error) {
    if (leaders.isAlive(id)) throw error;
    throw new GuestError("LeaderGone", "The login ended before its guest session was ready.", { cause: error });
  }
}

// What becomes of the uid is written down first, or a crash would forget it; where that fails the record stays, for the
// next guestd to try again.
async function removeRecord(
  { views, leases, ledger, store }: EffectParts,
  { subject, lease }: Effect & { kind: "remove-record" },
): Promise<void> {
  const { id, uid, user } = subject;
  // Where looking at the view has failed it is still held.
  views.letGo(id);
  if (lease !== undefined)
    await leases.saveUid(
      uid,
      lease.quarantine === undefined ? undefined : { reason: lease.quarantine, user, session: id },
    );
  ledger.leave(id);
  store.remove(id, uid);
}
