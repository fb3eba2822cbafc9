// What all classes of a sweep have in common: look, take away, look again; and what is said of what is left.
// Knows no class and no path.
import type { Swept } from "../../policy/receipt.ts";
import type { Bindings } from "../bindings.ts";
import { meansGone } from "../read-file.ts";

/** What a class has come to. What is left comes from the second look, never from what was believed to be done. */
export type SweptItems = Omit<Swept, "kind">;

/** What of the addon a sweep needs. */
export type SweepBindings = Pick<Bindings, "sweepFiles" | "removeIpc" | "openQueues" | "unmount">;

/** One thing that was found. */
export interface Item {
  /** What is said of it when it is still there; tells it from all others of its class. */
  readonly sentence: string;
  /** Takes it away. Undefined where another service does. */
  readonly remove?: () => Promise<void> | void;
}

export const NOTHING: SweptItems = { found: 0, removed: 0, left: [] };

/**
 * Looks, takes away, looks again. A thing that cannot be taken away does not keep the others.
 * @throws Error of a look: then nothing is known of this class
 */
export async function sweepItems(look: () => Promise<readonly Item[]> | readonly Item[]): Promise<SweptItems> {
  const before = await look();
  const reasons = new Map<string, string>();
  for (const { sentence, remove } of before) {
    try {
      await remove?.();
    } catch (error) {
      if (!meansGone(error)) reasons.set(sentence, reasonOf(error));
    }
  }
  const left = (await look()).map(({ sentence }) => sentence);
  const still = new Set(left);
  return {
    found: new Set([...before.map(({ sentence }) => sentence), ...left]).size,
    removed: before.filter(({ sentence, remove }) => remove !== undefined && !still.has(sentence)).length,
    left: left.map((sentence) => [sentence, reasons.get(sentence)].filter((part) => part !== undefined).join(": ")),
  };
}

export function addItems(first: SweptItems, second: SweptItems): SweptItems {
  return {
    found: first.found + second.found,
    removed: first.removed + second.removed,
    left: [...first.left, ...second.left],
    ...unseenOf([...(first.unseen ?? []), ...(second.unseen ?? [])]),
  };
}

/** What was not looked through, where there is any. */
export const unseenOf = (unseen: readonly string[]): Pick<SweptItems, "unseen"> =>
  unseen.length === 0 ? {} : { unseen };

/** The name of an error, or its message where it has none. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
}
