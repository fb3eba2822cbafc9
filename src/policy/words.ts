// How sentences count things.
import type { Swept } from "./receipt.ts";

/** "1 step", "3 steps". */
export const countOf = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** Describes findings by class. */
export function describeSwept(swept: readonly Swept[]): string {
  const seen = swept.filter(({ found, left }) => found > 0 || left.length > 0);
  if (seen.length === 0) return "nothing";
  return seen
    .map(({ kind, found, removed, left }) => `${kind} ${found}, removed ${removed}, left ${left.length}`)
    .join("; ");
}
