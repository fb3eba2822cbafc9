// When a failed attempt is repeated: less and less often. Pure.

export interface Retry {
  /** How many attempts have failed. */
  readonly attempts: number;
  /** In microseconds of the monotonic clock; Infinity during an attempt. */
  readonly due: number;
}

const FIRST_PAUSE = 1e6;
const LONGEST_PAUSE = 3600e6;

/**
 * Schedules the attempt after a failed one.
 * @param before undefined for the first
 * @param uptime in microseconds of the monotonic clock
 */
export function postpone(before: Retry | undefined, uptime: number): Retry {
  const attempts = before?.attempts ?? 0;
  return { attempts: attempts + 1, due: uptime + Math.min(FIRST_PAUSE * 2 ** attempts, LONGEST_PAUSE) };
}

export const begin = (before: Retry | undefined): Retry => ({ attempts: before?.attempts ?? 0, due: Infinity });
