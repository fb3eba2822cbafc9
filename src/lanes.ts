// Runs work a few pieces at a time, in order.
import { setImmediate as nextRound } from "node:timers/promises";

export class Lanes {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Runs one piece per round of the event loop, so calls are answered in between. */
export class Turns {
  readonly #lane = new Lanes(1);

  take<T>(work: () => T): Promise<T> {
    return this.#lane.run(async () => {
      await nextRound();
      return work();
    });
  }
}
