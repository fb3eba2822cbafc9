// Work that many have at once, a few pieces at a time, in the order in which they came. Knows nothing of the work.
import { setImmediate as nextRound } from "node:timers/promises";

export class Lanes {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Does a piece of work when there is a lane for it. */
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

/** The same, one piece in each round of the event loop: guestd hears and answers between two of them. */
export class Turns {
  readonly #lane = new Lanes(1);

  take<T>(work: () => T): Promise<T> {
    return this.#lane.run(async () => {
      await nextRound();
      return work();
    });
  }
}
