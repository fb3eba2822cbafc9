// Waiting for a condition, with a limit. Tests never wait for time to pass.
import { inspect } from "node:util";

/** The pause between two looks: each starts a program on a busy machine. */
const POLL_MS = 50;

/** Characters shown of the last look. */
const MOST_CHARACTERS = 2000;

/**
 * Looks until the result is as expected, and returns it. The last look begins after the limit: on a busy machine one
 * look can take all of the time. A look that throws counts as not met; its last error is the cause of the timeout.
 * @throws Error that names the expectation, and what the last look has seen instead
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

/** Polls until the condition returns a truthy value, and returns that. Where the result says more, use waitUntil(). */
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
