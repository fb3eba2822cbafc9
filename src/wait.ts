// Waiting that ends: a time limit for work, and a look that is repeated. Knows nothing of what is waited for.
import { setTimeout as delay } from "node:timers/promises";

/**
 * Gives work a time limit. The work itself is not stopped.
 * @param onLate says what the result is instead, or throws. Called only when there is no result, at the instant from which
 *   on a result is ignored: what has to happen to a late result is arranged here.
 */
export async function within<T>(work: Promise<T>, limitMs: number, onLate: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let lastLook: NodeJS.Immediate | undefined;
  const limit = new Promise<T>((resolve, reject) => {
    const end = () => {
      try {
        resolve(onLate());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    // A result that has arrived but was not read yet is in time: the program itself may have been busy, or the machine.
    timer = setTimeout(() => (lastLook = setImmediate(end)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    clearImmediate(lastLook);
  }
}

/** Pauses between two looks, in milliseconds: each is twice as long as the one before it. */
export interface Pauses {
  readonly first?: number;
  readonly longest?: number;
}

/**
 * Looks until it is done. The last look begins after the limit: a program or a machine that stood still looks once more
 * before it gives up. The monotonic clock counts: setting the time neither cuts the wait short nor extends it.
 * @returns whether it is done
 */
export async function poll(
  isDone: () => boolean | Promise<boolean>,
  limitMs: number,
  { first = 2, longest = 50 }: Pauses = {},
  pauseFor: (ms: number) => Promise<void> = delay,
): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (let pause = first; ; pause = Math.min(2 * pause, longest)) {
    const isLast = performance.now() >= end;
    if (await isDone()) return true;
    if (isLast) return false;
    await pauseFor(pause);
  }
}
