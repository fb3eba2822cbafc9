// Maps each effect to the part that runs it. No decisions; daemon.ts logs.
import type { PendingCalls } from "./bus/pending.ts";
import type { Service } from "./bus/service.ts";
import { wireReceipt, wireSession } from "./bus/wire.ts";
import type { Config, Limits } from "./config/schema.ts";
import type { SharedLogin } from "./login-rules.ts";
import type { EffectOf, FoundOf, Runners } from "./policy/effects.ts";
import { GuestError } from "./policy/errors.ts";
import type { Quarantine } from "./policy/lease.ts";
import type { Swept } from "./policy/receipt.ts";
import { addFoundLater, clear } from "./policy/receipt.ts";
import { refusal } from "./policy/refusals.ts";
import type { Cgroup, Leader, View } from "./policy/session.ts";
import type { SessionSubject, UidSubject } from "./policy/subject.ts";
import type { Leases } from "./system/accounts/leases.ts";
import type { Greeters } from "./system/greeters.ts";
import type { Membership } from "./system/processes/kill.ts";
import type { Placement } from "./system/processes/placement.ts";
import type { Holdings } from "./system/sessions/holdings.ts";
import type { Leaders } from "./system/sessions/leaders.ts";
import type { Views } from "./system/sessions/views.ts";
import type { Ledger } from "./system/state/ledger.ts";
import type { ReceiptStore } from "./system/state/receipt-store.ts";
import type { SessionStore } from "./system/state/session-store.ts";
import type { SwitchStore } from "./system/state/switch-store.ts";
import type { PathWalk } from "./system/sweep/path-walk.ts";
import type { Sweeper } from "./system/sweep/sweep.ts";
import type { UnlockMarks } from "./system/unlock-marks.ts";

export interface EffectParts {
  readonly holdings: Pick<Holdings, "membershipOf">;
  readonly leaders: Pick<Leaders, "watch" | "isAlive">;
  readonly views: Pick<Views, "build" | "drop" | "letGo">;
  readonly takeUp: (id: string, leader: Leader, recorded: View | undefined) => FoundOf<"take-up-session">;
  readonly listProcesses: (membership: Membership) => readonly number[];
  /** @param running PIDs when the end began */
  readonly endProcesses: (membership: Membership, running: readonly number[]) => Promise<FoundOf<"kill-processes">>;
  readonly placement: Placement;
  readonly leases: Leases;
  readonly store: SessionStore;
  readonly ledger: Ledger;
  readonly receipts: ReceiptStore;
  readonly loginSwitch: SwitchStore;
  readonly offers: Pick<Greeters, "offer">;
  readonly marks: UnlockMarks;
  readonly sweeper: Sweeper;
  readonly pathWalk: Pick<PathWalk, "goOn">;
  readonly sweepUid: (
    subject: UidSubject,
    session: string,
    settings: Config["Sweep"],
  ) => Promise<{ readonly swept: readonly Swept[] }>;
  readonly warnOfRules: (login: SharedLogin) => Promise<readonly string[]>;
  /** Requests to systemd and logind. */
  readonly users: {
    readonly limit: (cgroup: Cgroup, limits: Limits) => Promise<void>;
    readonly stopManager: (uid: number) => Promise<void>;
    readonly terminate: (uid: number) => Promise<void>;
  };
  /** Requests to AccountsService; false if it is not running. */
  readonly greeters: {
    readonly list: (user: string) => Promise<boolean>;
    readonly unlist: (user: string) => Promise<boolean>;
  };
  readonly pending: PendingCalls;
  readonly service: Pick<Service, "emit">;
  readonly wasAnnounced: (id: string) => Promise<boolean>;
  /** While the configuration has errors, the defaults apply. */
  readonly settings: () => Pick<Config, "Sweep" | "Daemon" | "Polkit">;
}

export function makeRunners(parts: EffectParts): Runners {
  const { pending, leases, loginSwitch, offers, pathWalk, sweepUid, settings, users } = parts;
  return {
    ...openingRunners(parts),
    ...endingRunners(parts),
    refuse: ({ call, code, reason }) => {
      pending.answer(call, { kind: "error", code, reason });
    },
    answer: ({ call, answer }) => {
      pending.answer(call, answer);
    },
    "note-close": () => undefined,
    "limit-login": ({ cgroup, limits }) => users.limit(cgroup, limits),
    "list-account": async ({ subject }) => ({ told: await parts.greeters.list(subject.user) }),
    "check-rules": async (effect) => ({ warnings: await parts.warnOfRules(effect) }),
    "sweep-uid": async ({ subject, session }) => {
      const owner = await leases.findForeign(subject);
      if (owner !== undefined) return { owner, swept: [] };
      leases.withdraw(subject);
      return sweepUid(subject, session, settings().Sweep);
    },
    "walk-paths": ({ uids, begins }) => pathWalk.goOn(uids, begins, settings().Sweep),
    "quarantine-uid": ({ subject, quarantine, found }) => keepUid(parts, subject, quarantine, found),
    "release-uid": ({ subject, clears }) => releaseUid(parts, subject, clears),
    "write-switch": ({ loginSwitch: set }) => loginSwitch.write(set),
    "offer-ghost": ({ offer }) => offers.offer(offer),
  };
}

function openingRunners(parts: EffectParts) {
  const { leaders, views, takeUp, placement, leases, store, ledger, marks, service } = parts;
  return {
    "watch-leader": ({ subject, pid, busName }) => leaders.watch(subject.id, pid, busName),
    "take-up-session": ({ subject, leader, view }) => takeUp(subject.id, leader, view),
    "enclose-leader": ({ subject, pid, leased, limits }) =>
      whileAlive(leaders, subject, placement.encloseLeader(subject, pid, leased, limits)),
    "publish-account": ({ account }) => leases.publish(account),
    "build-view": ({ subject, plan, isolated, cgroup }) =>
      whileAlive(leaders, subject, views.build(subject.id, plan, isolated, cgroup)),
    "write-record": ({ saved }) => {
      store.write(saved);
    },
    "enter-ledger": ({ saved }) => ledger.enter(saved),
    "permit-unlock": ({ subject }) => marks.make(subject.uid),
    "announce-opened": ({ session }) => {
      service.emit("SessionOpened", "sa{sv}", [session.id, wireSession(session)]);
    },
  } satisfies Partial<Runners>;
}

function endingRunners(parts: EffectParts) {
  const { views, leases, store, receipts, marks, sweeper, users, service, settings } = parts;
  return {
    "count-processes": ({ subject, leased, view, cgroups }) => ({
      running: parts.listProcesses(
        parts.holdings.membershipOf(subject.id, view, cgroups, leased ? subject.uid : undefined),
      ),
    }),
    "note-ending": ({ saved }) => {
      store.write(saved);
    },
    "forbid-unlock": ({ subject }) => {
      marks.remove(subject.uid);
    },
    "unlist-account": async ({ subject }) => ({ told: await parts.greeters.unlist(subject.user) }),
    "stop-manager": ({ subject }) => users.stopManager(subject.uid),
    "kill-processes": (effect) => killProcesses(parts, effect),
    "terminate-user": async ({ subject }) => {
      const linger = leases.dropLinger(subject);
      await users.terminate(subject.uid);
      return { swept: [linger] };
    },
    "drop-view": (effect) => views.drop(effect.subject, effect),
    "sweep-account": async ({ subject, since }) => {
      await leases.checkForeign(subject);
      const { Sweep, Polkit } = settings();
      return { swept: await sweeper.sweep({ ...subject, ...(Polkit.Bluetooth ? { pairedSince: since } : {}) }, Sweep) };
    },
    "write-receipt": ({ receipt }) => receipts.keep(receipt, settings().Daemon.KeepReceipts),
    "announce-closed": async ({ receipt, repeated }) => {
      if (repeated && (await parts.wasAnnounced(receipt.id))) return { wasAnnounced: true };
      service.emit("SessionClosed", "sa{sv}", [receipt.id, wireReceipt(receipt)]);
      return { wasAnnounced: false };
    },
    "withdraw-account": ({ subject }) => {
      leases.withdraw(subject);
    },
    "remove-record": (effect) => removeRecord(parts, effect),
  } satisfies Partial<Runners>;
}

// A user may hang up during login, which is no error.
async function whileAlive<T>(leaders: EffectParts["leaders"], { id }: SessionSubject, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (leaders.isAlive(id)) throw error;
    throw new GuestError("LeaderGone", refusal("hungUp"), { cause: error });
  }
}

async function killProcesses(parts: EffectParts, effect: EffectOf<"kill-processes">) {
  const { holdings, placement, endProcesses } = parts;
  const { subject, leader, leased, openedUptime, view, running } = effect;
  const cgroups = await placement.findAll(effect.cgroups, subject, leader, leased, openedUptime);
  return endProcesses(holdings.membershipOf(subject.id, view, cgroups, leased ? subject.uid : undefined), running);
}

// Saves the UID's state first, because a crash would lose it. After a failure the record stays.
async function removeRecord(
  { views, leases, ledger, store }: EffectParts,
  { subject, lease }: EffectOf<"remove-record">,
): Promise<void> {
  const { id, uid } = subject;
  // The view is still held if looking at it failed.
  views.letGo(id);
  if (lease !== undefined) await leases.saveUid(uid, lease.quarantine);
  ledger.leave(id);
  store.remove(id, uid);
}

// Saves the UID's state first. A receipt may miss the finding.
async function keepUid(
  { leases, receipts }: EffectParts,
  { uid }: UidSubject,
  quarantine: Quarantine,
  found: string | undefined,
): Promise<void> {
  await leases.saveUid(uid, quarantine);
  if (found !== undefined) await receipts.amend(quarantine.session ?? "", (receipt) => addFoundLater(receipt, found));
}

async function releaseUid(
  { leases, receipts }: EffectParts,
  { uid }: UidSubject,
  clears: EffectOf<"release-uid">["clears"],
): Promise<void> {
  await leases.saveUid(uid, undefined);
  if (clears !== undefined) await receipts.amend(clears.session, (receipt) => clear(receipt, clears.at));
}
