// One kind of effect, as a row: arguments, findings, its sentence, and what its failure means. A stage is a row that a
// session may need and learn from.
import type { Moment } from "../moment.ts";
import type { SweepKind } from "../receipt.ts";
import type { Admitting, Allocating } from "../session.ts";
import type { SessionSubject, Subject } from "../subject.ts";

/** Priorities, as in syslog(3). */
export type Level = "err" | "warning" | "notice" | "info";

/**
 * What follows a failure; guestd(8) lists it. "go-on" and "retry" decide what follows a stage. The others describe what
 * the policy does that asked for the effect.
 */
export type OnFailure =
  | "refuse"
  /** The session continues. */
  | "go-on"
  /** The receipt lists it, and the end continues. */
  | "note"
  /** The receipt is written already. The journal has the failure, and the UID is quarantined. */
  | "quarantine"
  | "retry"
  | "end"
  /** The previous value stays in effect. */
  | "keep";

export type Made<K extends string, S extends Subject, Args> = {
  readonly kind: K;
  readonly subject: S;
} & Readonly<Args>;

/** @typeParam Found void for nothing */
export interface Row<K extends string, S extends Subject, Args, Found> {
  readonly kind: K;
  /** MESSAGE_ID of its journal entries. systemd/guestd.catalog explains it. */
  readonly messageId: string;
  readonly fails: OnFailure;
  /** The journal's sentence for a success; undefined for no entry. */
  readonly done: (effect: Made<K, S, Args>, found: Found) => string | undefined;
  /** Priority of that entry; info by default. */
  readonly level?: (effect: Made<K, S, Args>) => Level;
  readonly fields?: (effect: Made<K, S, Args>, found: Found) => Readonly<Record<string, string | number>>;
  /** Never set: carries the types. */
  readonly types?: { readonly subject: S; readonly args: Args; readonly found: Found };
}

/** What an effect needs besides the session. */
export interface Context extends Moment {
  /** At an end: classes that must have been checked. */
  readonly kinds: readonly SweepKind[];
}

/** A stage of a session. @typeParam In the session before it, and Out after it */
export interface Stage<In, Out, K extends string, Args, Found, S extends Subject = SessionSubject> extends Row<
  K,
  S,
  Args,
  Found
> {
  /** Whether the session needs it; always by default. */
  readonly when?: (session: In) => boolean;
  readonly make: (session: In, context: Context) => Args;
  /** Returns the session after a success. */
  readonly learn?: (session: In, found: Found, effect: Made<K, S, Args>) => Out;
  /** Returns the session after a failure. */
  readonly learnFailed?: (session: In, effect: Made<K, S, Args>) => Out;
  /** Whether such an effect is this stage; always by default. */
  readonly isStage?: (session: In, effect: Made<K, S, Args>) => boolean;
  /** The classes that it checks. */
  readonly looksAt?: readonly SweepKind[];
}

/** A stage of both leasing and opening. */
export type SharedStage<K extends string, Args, Found, S extends Subject = SessionSubject> = Stage<
  Allocating,
  Allocating,
  K,
  Args,
  Found,
  S
> &
  Stage<Admitting, Admitting, K, Args, Found, S>;
