// A time limit for work, and polling.
import { setTimeout as delay } from "node:timers/promises";

/**
 * Limits the time of work, but does not stop it.
 * @param onLate returns another result, or throws. Later results are ignored, so it must arrange what happens to them.
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
    // A result that has arrived unread is in time: the machine may have been busy.
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
  /** The factor from one pause to the next. */
  readonly growth?: number;
}

/**
 * Looks until it is done. One look comes after the limit, for a machine that stood still. Setting the clock does not
 * change the wait.
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
