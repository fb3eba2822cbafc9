// What all classes of a sweep share.
import type { Swept } from "../../policy/receipt.ts";
import type { Bindings } from "../bindings.ts";
import { meansGone } from "../read-file.ts";

/** `left` is from the second look. */
export type SweptItems = Omit<Swept, "kind">;

export type SweepBindings = Pick<Bindings, "sweepFiles" | "removeIpc" | "openQueues" | "unmount">;

export interface Item {
  /** Describes what is there; unique in its class. */
  readonly sentence: string;
  /** Undefined if another service removes it. */
  readonly remove?: () => Promise<void> | void;
}

export const NOTHING: SweptItems = { found: 0, removed: 0, left: [] };

/**
 * A failed removal does not stop the others.
 * @throws Error if a look fails: then nothing is known
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

export const unseenOf = (unseen: readonly string[]): Pick<SweptItems, "unseen"> =>
  unseen.length === 0 ? {} : { unseen };

export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
}
