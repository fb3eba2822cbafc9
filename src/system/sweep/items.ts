// What all classes of a sweep have in common: look, take away, look again; and what is said of what is left.
// Knows no class and no place.
import type { Swept } from "../../policy/receipt.ts";
import type { Bindings } from "../bindings.ts";
import { meansGone } from "../read-file.ts";

/** What a class has come to. What is left comes from the second look, never from what was believed to be done. */
export type SweptItems = Omit<Swept, "kind">;

/** What of the addon a sweep needs. */
export type SweepBindings = Pick<Bindings, "sweepFiles" | "removeIpc" | "openQueues">;

/** One thing that was found. */
export interface Item {
  /** What is said of it when it is still there; tells it from all others of its class. */
  readonly sentence: string;
  /** Takes it away. Undefined where that is for somebody else to do. */
  readonly remove?: () => Promise<void> | void;
}

export const NOTHING: SweptItems = { found: 0, removed: 0, left: [] };

/** As many things of a class are named, each with as many characters at most. */
const MOST_NAMED = 20;
const MOST_CHARACTERS = 300;

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
  };
}

/** The name of an error, or its message where it has none. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
}

/** A name that a guest may have chosen, with all but plain characters as \xNN: it can end no line and no quotation, and no two look alike. */
export function quoteName(name: Buffer | string): string {
  return [...Buffer.from(name)].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : escapeByte(byte))).join("");
}

/** Sentences as they may stand in the journal and in a receipt: few, short and printable, whoever chose what is in them. */
export function boundSentences(sentences: readonly string[]): string[] {
  const bounded = sentences.slice(0, MOST_NAMED).map((sentence) => {
    const printable = sentence
      .slice(0, MOST_CHARACTERS)
      .replace(/[^ -~]/gu, (character) => [...Buffer.from(character)].map(escapeByte).join(""));
    return printable.slice(0, MOST_CHARACTERS);
  });
  return sentences.length > MOST_NAMED ? [...bounded, "and more"] : bounded;
}

const isPlain = (byte: number) => byte >= 0x20 && byte < 0x7f && !`"'\\`.includes(String.fromCharCode(byte));
const escapeByte = (byte: number) => `\\x${byte.toString(16).padStart(2, "0")}`;
