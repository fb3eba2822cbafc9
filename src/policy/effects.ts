// All kinds of effects and their types.
import type { Made, Row } from "./effects/row.ts";
import { ROWS } from "./stages.ts";
import type { Subject } from "./subject.ts";

type AnyRow = (typeof ROWS)[number];
export type EffectKind = AnyRow["kind"];

type Stages = {
  readonly [K in EffectKind]: NonNullable<Extract<AnyRow, { readonly kind: K }>["types"]>;
};

export type FoundOf<K extends EffectKind> = Stages[K]["found"];

/** One action on the world outside. daemon.ts runs and logs it. */
export type EffectOf<K extends EffectKind> = Made<K, Stages[K]["subject"], Stages[K]["args"]>;
export type Effect = { [K in EffectKind]: EffectOf<K> }[EffectKind];

export interface AnyEffect {
  readonly kind: EffectKind;
  readonly subject: Subject;
}

/** A runner throws or rejects if its effect fails. */
export type Runners = {
  readonly [K in EffectKind]: (effect: EffectOf<K>) => FoundOf<K> | Promise<FoundOf<K>>;
};

type RowOf<K extends EffectKind> = Row<K, Stages[K]["subject"] & Subject, Stages[K]["args"], Stages[K]["found"]>;

const BY_KIND = Object.fromEntries(ROWS.map((row) => [row.kind, row])) as unknown as {
  readonly [K in EffectKind]: RowOf<K>;
};

export const rowOf = <K extends EffectKind>(kind: K): RowOf<K> => BY_KIND[kind];

export const EFFECT_KINDS = Object.keys(BY_KIND) as EffectKind[];
