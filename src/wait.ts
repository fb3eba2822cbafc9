// Waiting with a limit: a time limit for work, and polling. Knows nothing about what it waits for.
import { setTimeout as delay } from "node:timers/promises";

/**
 * Gives work a time limit. The work itself is not stopped.
 * @param onLate returns a result instead, or throws. It is called only if there is no result. Results that arrive later
 * are ignored, so it must arrange what happens to them.
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
    // A result that has arrived but has not been read yet is in time: the program or the machine may have been busy.
    timer = setTimeout(() => (lastLook = setImmediate(end)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    clearImmediate(lastLook);
  }
}

/** Pauses between two looks, in milliseconds. */
export interface Pauses {
  readonly first?: number;
  readonly longest?: number;
  /** How many times as long as the one before each is. */
  readonly growth?: number;
}

/**
 * Looks until it is done. The last look begins after the limit, because a program or machine that stood still deserves
 * one more. Uses the monotonic clock: setting the time neither shortens nor extends the wait.
 * @returns whether it is done
 */
export async function poll(
  isDone: () => boolean | Promise<boolean>,
  limitMs: number,
  { first = 2, longest = 50, growth = 2 }: Pauses = {},
  pauseFor: (ms: number) => Promise<void> = delay,
): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (let pause = first; ; pause = Math.min(growth * pause, longest)) {
    const isLast = performance.now() >= end;
    if (await isDone()) return true;
    if (isLast) return false;
    await pauseFor(pause);
  }
}
