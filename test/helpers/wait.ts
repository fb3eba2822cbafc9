// Waiting for a condition, with a limit. Tests never wait for time to pass.

/** Pause between two looks, each of which starts a program, on a machine that has other things to do. */
const POLL_MS = 50;

/**
 * Polls until the condition gives something truthy, and returns that.
 * A condition that throws counts as not met; its last error is the cause when time is up.
 * @throws Error that names what was waited for
 */
export async function waitFor<T>(
  description: string,
  condition: () => Promise<T> | T,
  limitMs = 15_000,
): Promise<Exclude<T, false | 0 | "" | null | undefined>> {
  const end = Date.now() + limitMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | 0 | "" | null | undefined>;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${description}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
