// What the policy knows of one kind of effect, as a row: what it is given, what it finds out, its sentence, what its
// failure means. A stage is a row of the way of a session: it also says when it is needed and what is learned from it.
import type { Moment } from "../moment.ts";
import type { SweepKind } from "../receipt.ts";
import type { Admitting, Allocating } from "../session.ts";
import type { SessionSubject, Subject } from "../subject.ts";

/** Priorities of the journal, as syslog(3) names them. */
export type Level = "err" | "warning" | "notice" | "info";

/**
 * What becomes of a failure; guestd(8) has it for each action. "go-on" and "retry" decide what follows a stage that failed;
 * the others say what the part of the policy does that has asked for the effect.
 */
export type OnFailure =
  /** The login is refused. */
  | "refuse"
  /** Nothing: the session goes on. */
  | "go-on"
  /** The receipt names it, and the end goes on. */
  | "note"
  /** The receipt is written already: the journal names it, and the UID is quarantined. */
  | "quarantine"
  /** It is tried again. */
  | "retry"
  /** The session ends. */
  | "end"
  /** What was in force before stays in force. */
  | "keep";

/** An effect of one kind, with what it is given. */
export type Made<K extends string, S extends Subject, Args> = {
  readonly kind: K;
  readonly subject: S;
} & Readonly<Args>;

/** @typeParam Found what the effect finds out; void where it finds out nothing */
export interface Row<K extends string, S extends Subject, Args, Found> {
  readonly kind: K;
  /** Of its entries in the journal; systemd/guestd.catalog explains it. */
  readonly messageId: string;
  readonly fails: OnFailure;
  /** The sentence for the journal when it is done; undefined where there is nothing to say. */
  readonly done: (effect: Made<K, S, Args>, found: Found) => string | undefined;
  /** Of the entry when it is done; info where it is missing. */
  readonly level?: (effect: Made<K, S, Args>) => Level;
  /** More fields of that entry. */
  readonly fields?: (effect: Made<K, S, Args>, found: Found) => Readonly<Record<string, string | number>>;
  /** Never set: carries the types. */
  readonly types?: { readonly subject: S; readonly args: Args; readonly found: Found };
}

/** What the making of an effect needs beside the session. */
export interface Context extends Moment {
  /** At an end: the classes that all of its stages must have looked at. */
  readonly kinds: readonly SweepKind[];
}

/** A row of the way of a session. @typeParam In the session before it, and Out after it */
export interface Stage<In, Out, K extends string, Args, Found, S extends Subject = SessionSubject> extends Row<
  K,
  S,
  Args,
  Found
> {
  /** Whether the session needs it; always where it is missing. */
  readonly when?: (session: In) => boolean;
  readonly make: (session: In, context: Context) => Args;
  /** What is known of the session when it is done. */
  readonly learn?: (session: In, found: Found, effect: Made<K, S, Args>) => Out;
  /** The same when it has failed, beside what its failure means. */
  readonly learnFailed?: (session: In, effect: Made<K, S, Args>) => Out;
  /** Whether an effect of this kind is this stage; always where it is missing. */
  readonly isStage?: (session: In, effect: Made<K, S, Args>) => boolean;
  /** The classes of things left behind that it looks at. */
  readonly looksAt?: readonly SweepKind[];
}

/** A stage both of leasing an account and of opening, with its view, a session. */
export type SharedStage<K extends string, Args, Found, S extends Subject = SessionSubject> = Stage<
  Allocating,
  Allocating,
  K,
  Args,
  Found,
  S
> &
  Stage<Admitting, Admitting, K, Args, Found, S>;
