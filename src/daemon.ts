// dispatch(what): transition, run the effects, log each, feed the outcomes back. Nothing else runs or logs effects, so
// every action is in the journal.
import type { Effect, EffectKind, EffectOf, FoundOf, Runners } from "./policy/effects.ts";
import { GuestError } from "./policy/errors.ts";
import type { What } from "./policy/events.ts";
import type { Moment } from "./policy/moment.ts";
import type { Next, State } from "./policy/state.ts";
import { INITIAL_STATE } from "./policy/state.ts";
import type { Subject } from "./policy/subject.ts";
import { keyOf } from "./policy/subject.ts";
import { transition } from "./policy/transition.ts";
import type { Failure, Journal } from "./system/journal.ts";

/** Rejects when the effect fails. */
export type EffectRunner = <K extends EffectKind>(effect: EffectOf<K>) => Promise<FoundOf<K>>;

export const runnerOf =
  (runners: Runners): EffectRunner =>
  async (effect) =>
    runners[effect.kind](effect);

export interface DaemonParts {
  readonly runEffect: EffectRunner;
  readonly journal: Pick<Journal, "logDone" | "logFailed">;
  readonly clock: () => Moment;
}

export class Daemon {
  readonly #parts: DaemonParts;
  readonly #queues = new Map<string, Promise<void>>();
  #state: State = INITIAL_STATE;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
  }

  get state(): State {
    return this.#state;
  }

  get isBusy(): boolean {
    return this.#queues.size > 0;
  }

  /** Effects of one subject run in order, others in parallel. */
  dispatch(what: What): void {
    const next: Next = transition(this.#state, { ...what, ...this.#parts.clock() });
    this.#state = next.state;
    for (const effect of next.effects) this.#enqueue(effect);
  }

  /** Resolves when no effect is running or queued. */
  async drain(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values());
  }

  /** The same for one subject. */
  async finish(subject: Subject): Promise<void> {
    const key = keyOf(subject);
    while (this.#queues.has(key)) await this.#queues.get(key);
  }

  #enqueue(effect: Effect): void {
    const key = keyOf(effect.subject);
    const before = this.#queues.get(key) ?? Promise.resolve();
    const after = before
      .then(async () => this.dispatch(await this.#attempt(effect)))
      .then(() => {
        if (this.#queues.get(key) === after) this.#queues.delete(key);
      });
    this.#queues.set(key, after);
  }

  async #attempt<K extends EffectKind>(effect: EffectOf<K>): Promise<What> {
    const { journal, runEffect } = this.#parts;
    try {
      const found = await runEffect(effect);
      journal.logDone(effect, found);
      return { kind: "effect-done", effect, found } as What;
    } catch (error) {
      const failure = describeFailure(error);
      journal.logFailed(effect, failure);
      return { kind: "effect-failed", effect, code: failure.code ?? "Failed", reason: failure.reason } as What;
    }
  }
}

// The addon's errors name the failed kernel step and its path.
function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { reason: String(error) };
  if (error instanceof GuestError) return { reason: error.message, code: error.code };
  const { step: at, path, errno } = error as Error & Partial<Failure>;
  return {
    reason: error.message,
    ...(typeof at === "string" ? { step: at } : {}),
    ...(typeof path === "string" ? { path } : {}),
    ...(typeof errno === "number" ? { errno: Math.abs(errno) } : {}),
  };
}
