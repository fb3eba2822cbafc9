// What a run of the benchmark has measured.

/** A login that was refused has no time. */
export const REFUSED = Infinity;

export interface Amount {
  readonly value: number;
  readonly unit: string;
}

export interface Figures {
  /** Microseconds of each round, by name. */
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** Counts and sizes, by name. */
  readonly amounts: ReadonlyMap<string, Amount>;
}

/** Collects figures. */
export class Notebook implements Figures {
  readonly times = new Map<string, number[]>();
  readonly amounts = new Map<string, Amount>();

  addTime(name: string, ...usec: readonly number[]): void {
    const known = this.times.get(name);
    if (known === undefined) this.times.set(name, [...usec]);
    else known.push(...usec);
  }

  setAmount(name: string, value: number, unit: string): void {
    this.amounts.set(name, { value, unit });
  }
}
