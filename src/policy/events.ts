// The events. Their effects are in effects.ts.
import type { Config } from "../config/schema.ts";
import type { Account } from "./account.ts";
import type { CallId } from "./call.ts";
import type { EffectKind, EffectOf, FoundOf } from "./effects.ts";
import type { ErrorCode } from "./errors.ts";
import type { KeptLeases } from "./lease.ts";
import type { Moment } from "./moment.ts";
import type { Notice, TermsReply } from "./notice.ts";
import type { PlanFacts } from "./plan.ts";
import type { EndCause, Receipt } from "./receipt.ts";
import type { Cgroup, SavedSession } from "./session.ts";
import type { LoginSwitch } from "./switch.ts";
import type { UidMap } from "./uid-map.ts";

export interface AllocateRequested extends TermsReply {
  readonly kind: "allocate-requested";
  /** A new id for the session, if it gets one. */
  readonly id: string;
  readonly call: CallId;
  /** The name that PAM was given. */
  readonly user: string;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  readonly leaderPid: number;
  /** Unique bus name. It exists as long as the leader. */
  readonly leaderName: string;
  /** Empty if unknown. */
  readonly leaderCgroup: string;
  /** GID of the group of guests; undefined if there is none. */
  readonly gid: number | undefined;
  /** Any whole number, for the account's name. */
  readonly random: number;
}

export interface OpenRequested extends TermsReply {
  readonly kind: "open-requested";
  readonly id: string;
  readonly call: CallId;
  readonly account: Account;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  /** PAM's X display; empty if there is none yet. */
  readonly display: string;
  /** PAM's XDG_SEAT; empty if there is none yet. */
  readonly seat: string;
  readonly leaderPid: number;
  readonly leaderName: string;
  readonly leaderCgroup: string;
  /** A child of systemd, which becomes a service's program. */
  readonly startsService: boolean;
  readonly facts: PlanFacts;
}

/** At the start: what an earlier guestd recorded. */
export interface RecordFound {
  readonly kind: "record-found";
  readonly saved: SavedSession;
  /** Why it cannot continue; undefined if it can. */
  readonly cause: EndCause | undefined;
  /** The receipt on disk. It may not have been announced. */
  readonly receipt: Receipt | undefined;
}

export interface Done<K extends EffectKind> {
  readonly kind: "effect-done";
  readonly effect: EffectOf<K>;
  readonly found: FoundOf<K>;
}

export interface Failed<K extends EffectKind> {
  readonly kind: "effect-failed";
  readonly effect: EffectOf<K>;
  readonly code: ErrorCode;
  readonly reason: string;
}

export type What =
  | AllocateRequested
  | OpenRequested
  | { readonly kind: "join-requested"; readonly id: string; readonly call: CallId; readonly uid: number }
  /** `running`: PIDs of the session's processes. */
  | {
      readonly kind: "close-hinted";
      readonly id: string;
      readonly leaderPid: number;
      readonly running: readonly number[];
    }
  /** The caller no longer waits. */
  | { readonly kind: "call-expired"; readonly id: string }
  | { readonly kind: "end-requested"; readonly id: string; readonly call: CallId }
  /** An administrator vouches that guests of the UID left nothing. */
  | { readonly kind: "release-requested"; readonly uid: number; readonly call: CallId }
  | { readonly kind: "leader-exited"; readonly id: string }
  /** May be repeated. */
  | { readonly kind: "connection-lost"; readonly id: string }
  /** logind has moved the leader. */
  | { readonly kind: "cgroup-found"; readonly id: string; readonly cgroup: Cgroup }
  | RecordFound
  /** At the start. `uidMap`: the UIDs of the machine. */
  | { readonly kind: "leases-found"; readonly kept: KeptLeases; readonly uidMap: UidMap }
  /** At the start, after the records: UIDs of guests who may unlock. */
  | { readonly kind: "marks-found"; readonly uids: readonly number[] }
  /** At the start. */
  | { readonly kind: "switch-found"; readonly loginSwitch: LoginSwitch }
  | { readonly kind: "switch-requested"; readonly loginSwitch: LoginSwitch; readonly call: CallId }
  | { readonly kind: "config-loaded"; readonly config: Config; readonly notice: Notice }
  | { readonly kind: "tick" }
  | { [K in EffectKind]: Done<K> }[EffectKind]
  | { [K in EffectKind]: Failed<K> }[EffectKind];

export type Event = What & Moment;
export type EventOf<K extends What["kind"]> = Extract<What, { readonly kind: K }> & Moment;

export type Ended = EventOf<"effect-done" | "effect-failed">;
export type EffectFailed = EventOf<"effect-failed">;

export function isDone<K extends EffectKind>(event: What, kind: K): event is Extract<What, Done<K>> {
  return event.kind === "effect-done" && event.effect.kind === kind;
}
