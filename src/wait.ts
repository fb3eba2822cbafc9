// A time limit for work, and polling.
import { setTimeout as delay } from "node:timers/promises";

/**
 * Limits the time of work, but does not stop it.
 * @param onLate returns another result, or throws. It must arrange what happens to later results.
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
    // The machine may have been busy: an unread result is in time.
    timer = setTimeout(() => (lastLook = setImmediate(end)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    clearImmediate(lastLook);
  }
}

/** In milliseconds. */
export interface Pauses {
  readonly first?: number;
  readonly longest?: number;
  /** The factor from one pause to the next. */
  readonly growth?: number;
}

/**
 * Looks once more after the limit: the machine may have stood still. Setting the clock does not change the wait.
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
