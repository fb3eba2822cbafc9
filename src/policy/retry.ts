// When something that has failed is tried again: soon at first, then more and more rarely. Pure.

export interface Retry {
  /** How often it was tried already. */
  readonly attempts: number;
  /** Microseconds of the monotonic clock; Infinity while it is being tried. */
  readonly due: number;
}

const FIRST_PAUSE = 1e6;
const LONGEST_PAUSE = 3600e6;

/** The next try after one that has failed. @param before undefined where it was the first */
export function postpone(before: Retry | undefined, uptime: number): Retry {
  const attempts = before?.attempts ?? 0;
  return { attempts: attempts + 1, due: uptime + Math.min(FIRST_PAUSE * 2 ** attempts, LONGEST_PAUSE) };
}

/** It is being tried. */
export const begin = (before: Retry | undefined): Retry => ({ attempts: before?.attempts ?? 0, due: Infinity });
