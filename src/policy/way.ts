// Walks a session through its stages. Pure.
import type { Context } from "./effects/row.ts";
import type { Effect, EffectKind } from "./effects.ts";
import type { Ended } from "./events.ts";
import type { Moment } from "./moment.ts";
import type { Session } from "./session.ts";
import { subjectOf } from "./subject.ts";

/** Any stage (effects/row.ts). The casts rely on this: a stage gets and learns from its own kind of effects only. */
interface AnyStage<In, Out> {
  readonly kind: EffectKind;
  readonly when?: (session: In) => boolean;
  readonly isStage?: (session: In, effect: never) => boolean;
  readonly make: (session: In, context: Context) => object;
  readonly learn?: (session: In, found: never, effect: never) => Out;
  readonly learnFailed?: (session: In, effect: never) => Out;
}

export type Way<In, Out = In> = readonly AnyStage<In, Out>[];

function stageOf<In, Out>(way: Way<In, Out>, session: In, effect: Effect): AnyStage<In, Out> | undefined {
  const stage = way.find(({ kind }) => kind === effect.kind);
  return stage?.isStage?.(session, effect as never) === false ? undefined : stage;
}

export const isStageOf = <In, Out>(way: Way<In, Out>, session: In, effect: Effect): boolean =>
  stageOf(way, session, effect) !== undefined;

export function learnFrom<In, Out>(way: Way<In, Out>, session: In, event: Ended): In | Out {
  const stage = stageOf(way, session, event.effect);
  const effect = event.effect as never;
  if (event.kind === "effect-failed") return stage?.learnFailed?.(session, effect) ?? session;
  return stage?.learn?.(session, event.found as never, effect) ?? session;
}

/**
 * @param last kind of the last effect; undefined for the first stage
 * @returns the next effect; undefined after the last stage
 * @throws if `last` is no stage of this way
 */
export function effectAfter<In extends Session, Out>(
  way: Way<In, Out>,
  session: In,
  last: EffectKind | undefined,
  context: Context,
): Effect | undefined {
  const index = way.findIndex(({ kind }) => kind === last);
  if (last !== undefined && index < 0) throw new Error(`${last} is no stage of this way`);
  const rest = way.slice(index + 1);
  const next = rest.find(({ when }) => when?.(session) !== false);
  return next === undefined ? undefined : effectOf(next, session, context);
}

export const effectOf = <In extends Session, Out>(stage: AnyStage<In, Out>, session: In, context: Context): Effect =>
  ({ kind: stage.kind, subject: subjectOf(session), ...stage.make(session, context) }) as Effect;

/** For stages that make no receipt. */
export const contextOf = ({ now, uptime }: Moment): Context => ({ now, uptime, kinds: [] });
