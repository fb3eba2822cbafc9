// dispatch(event): step, run its effects, log each, feed the outcomes back. The only place where effects are run
// and logged, so that "every action is in the journal" is a property of one loop.
import type { Effect, Event, Moment, Outcome } from "./policy/events.ts";
import { GuestError } from "./policy/errors.ts";
import { step } from "./policy/transition.ts";
import type { Next, State } from "./policy/state.ts";
import { INITIAL_STATE } from "./policy/state.ts";
import type { Failure, Journal } from "./system/journal.ts";

/** Does one effect; rejects when it has failed. */
export type EffectRunner = (effect: Effect) => Promise<Outcome>;

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

  /** Whether an effect runs or waits. */
  get isBusy(): boolean {
    return this.#queues.size > 0;
  }

  /** Takes in one event. Its effects are run in order for each session, and sessions side by side. */
  dispatch(event: Event): void {
    const next: Next = step(this.#state, event);
    this.#state = next.state;
    for (const effect of next.effects) this.#enqueue(effect);
  }

  /** Resolves when no effect is running or waiting. */
  async settle(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values());
  }

  #enqueue(effect: Effect): void {
    const { id } = effect.subject;
    const before = this.#queues.get(id) ?? Promise.resolve();
    const after = before
      .then(() => this.#run(effect))
      .then(() => {
        if (this.#queues.get(id) === after) this.#queues.delete(id);
      });
    this.#queues.set(id, after);
  }

  async #run(effect: Effect): Promise<void> {
    this.dispatch(await this.#attempt(effect));
  }

  async #attempt(effect: Effect): Promise<Event> {
    const { journal, clock } = this.#parts;
    try {
      const outcome = await this.#parts.runEffect(effect);
      journal.logDone(effect, outcome);
      return { kind: "effect-done", effect, outcome, ...clock() };
    } catch (error) {
      const failure = describeFailure(error);
      journal.logFailed(effect, failure);
      return { kind: "effect-failed", effect, code: failure.code ?? "Failed", reason: failure.reason, ...clock() };
    }
  }
}

// The native addon's errors say at which step of the kernel's work it was, and on what.
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
