// All kinds of effects, and their types as stages.ts lists them: what each is about, is given and finds out.
import type { Made, Row } from "./effects/row.ts";
import { ROWS } from "./stages.ts";
import type { Subject } from "./subject.ts";

type AnyRow = (typeof ROWS)[number];
export type EffectKind = AnyRow["kind"];

/** Of each kind: what its effects are about, are given and find out. */
type Stages = {
  readonly [K in EffectKind]: NonNullable<Extract<AnyRow, { readonly kind: K }>["types"]>;
};

export type FoundOf<K extends EffectKind> = Stages[K]["found"];

/** One action on the world outside; daemon.ts runs and logs each. */
export type EffectOf<K extends EffectKind> = Made<K, Stages[K]["subject"], Stages[K]["args"]>;
export type Effect = { [K in EffectKind]: EffectOf<K> }[EffectKind];

/** What all effects have in common. */
export interface AnyEffect {
  readonly kind: EffectKind;
  readonly subject: Subject;
}

/** Does the effects of each kind. A runner throws or rejects when its effect has failed. */
export type Runners = {
  readonly [K in EffectKind]: (effect: EffectOf<K>) => FoundOf<K> | Promise<FoundOf<K>>;
};

type RowOf<K extends EffectKind> = Row<K, Stages[K]["subject"] & Subject, Stages[K]["args"], Stages[K]["found"]>;

const BY_KIND = Object.fromEntries(ROWS.map((row) => [row.kind, row])) as unknown as {
  readonly [K in EffectKind]: RowOf<K>;
};

/** What the policy knows of a kind of effect. */
export const rowOf = <K extends EffectKind>(kind: K): RowOf<K> => BY_KIND[kind];

export const EFFECT_KINDS = Object.keys(BY_KIND) as EffectKind[];
