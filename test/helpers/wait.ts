// Waits for a condition, with a limit. Tests never wait for time to pass.
import { inspect } from "node:util";

/** Each look starts a program on a busy machine. */
const POLL_MS = 50;

/** Shown of the last look. */
const MOST_CHARACTERS = 2000;

/**
 * Looks until the result is as expected. The last look begins after the limit: on a busy machine one look can take the
 * whole time. A look that throws is not met, and its last error is the timeout's cause.
 * @throws Error with the expectation, and what the last look saw instead
 */
export async function waitUntil<T>(
  description: string,
  look: () => Promise<T> | T,
  isMet: (seen: T) => boolean,
  limitMs = 15_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const isLast = Date.now() > end;
    let cause: unknown;
    let seen: T | undefined;
    try {
      seen = await look();
      if (isMet(seen)) return seen;
    } catch (error) {
      cause = error;
    }
    if (isLast) throw new Error(`not within ${limitMs} ms: ${description}${describe(seen)}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Polls until the condition is truthy. waitUntil() reports more. */
export async function waitFor<T>(
  description: string,
  condition: () => Promise<T> | T,
  limitMs?: number,
): Promise<Exclude<T, false | 0 | "" | null | undefined>> {
  return (await waitUntil(description, condition, Boolean, limitMs)) as Exclude<T, false | 0 | "" | null | undefined>;
}

function describe(seen: unknown): string {
  if (seen === undefined || seen === false) return "";
  const text = typeof seen === "string" ? seen : inspect(seen, { depth: 5, breakLength: 120 });
  return `; the last look saw: ${text === "" ? "nothing" : text.slice(0, MOST_CHARACTERS)}`;
}
