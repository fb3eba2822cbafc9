// What the policy knows about one kind of effect, as a row: arguments, findings, its sentence, and what its failure
// means. A stage is a row that also says when a session needs it, and what the session learns from it.
import type { Moment } from "../moment.ts";
import type { SweepKind } from "../receipt.ts";
import type { Admitting, Allocating } from "../session.ts";
import type { SessionSubject, Subject } from "../subject.ts";

/** Priorities of the journal, as syslog(3) names them. */
export type Level = "err" | "warning" | "notice" | "info";

/**
 * What happens after a failure; guestd(8) lists it for each action. "go-on" and "retry" decide what follows a failed
 * stage. The others describe what the part of the policy does that asked for the effect.
 */
export type OnFailure =
  /** The login is refused. */
  | "refuse"
  /** Nothing: the session continues. */
  | "go-on"
  /** The receipt lists it, and the end continues. */
  | "note"
  /** The receipt is already written. The journal has the failure, and the UID is quarantined. */
  | "quarantine"
  /** It is tried again. */
  | "retry"
  /** The session ends. */
  | "end"
  /** The previous value stays in effect. */
  | "keep";

/** An effect of one kind, with its arguments. */
export type Made<K extends string, S extends Subject, Args> = {
  readonly kind: K;
  readonly subject: S;
} & Readonly<Args>;

/** @typeParam Found what the effect finds out; void for nothing */
export interface Row<K extends string, S extends Subject, Args, Found> {
  readonly kind: K;
  /** MESSAGE_ID of its journal entries. systemd/guestd.catalog explains it. */
  readonly messageId: string;
  readonly fails: OnFailure;
  /** The journal's sentence for a success; undefined for no entry. */
  readonly done: (effect: Made<K, S, Args>, found: Found) => string | undefined;
  /** Priority of that entry; info by default. */
  readonly level?: (effect: Made<K, S, Args>) => Level;
  /** More fields of that entry. */
  readonly fields?: (effect: Made<K, S, Args>, found: Found) => Readonly<Record<string, string | number>>;
  /** Never set: carries the types. */
  readonly types?: { readonly subject: S; readonly args: Args; readonly found: Found };
}

/** What an effect needs besides the session. */
export interface Context extends Moment {
  /** At an end: the classes that its stages must have checked. */
  readonly kinds: readonly SweepKind[];
}

/** A row of the way of a session. @typeParam In the session before it, and Out after it */
export interface Stage<In, Out, K extends string, Args, Found, S extends Subject = SessionSubject> extends Row<
  K,
  S,
  Args,
  Found
> {
  /** Whether the session needs it; always by default. */
  readonly when?: (session: In) => boolean;
  readonly make: (session: In, context: Context) => Args;
  /** What is known about the session after a success. */
  readonly learn?: (session: In, found: Found, effect: Made<K, S, Args>) => Out;
  /** The same after a failure. */
  readonly learnFailed?: (session: In, effect: Made<K, S, Args>) => Out;
  /** Whether an effect of this kind is this stage; always by default. */
  readonly isStage?: (session: In, effect: Made<K, S, Args>) => boolean;
  /** The classes of leftovers that it checks. */
  readonly looksAt?: readonly SweepKind[];
}

/** A stage both of leasing an account and of opening a session with its view. */
export type SharedStage<K extends string, Args, Found, S extends Subject = SessionSubject> = Stage<
  Allocating,
  Allocating,
  K,
  Args,
  Found,
  S
> &
  Stage<Admitting, Admitting, K, Args, Found, S>;
