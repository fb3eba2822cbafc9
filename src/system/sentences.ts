// Makes names and sentences safe for the journal and receipts, because a guest may have chosen parts of them.

/** How many things of a class are named, and how many characters each may have. */
const MOST_NAMED = 20;
const MOST_CHARACTERS = 300;

/**
 * A name that a guest may have chosen, with special characters as \xNN: it cannot end a line, a quotation or a
 * bracket, and no two names look alike.
 */
export function quoteName(name: Buffer | string): string {
  return [...Buffer.from(name)].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : escapeByte(byte))).join("");
}

/** Sentences for the journal and receipts: few, short and printable, even if a guest chose words in them. */
export function boundSentences(sentences: readonly string[]): string[] {
  const bounded = sentences.slice(0, MOST_NAMED).map((sentence) => {
    const printable = sentence
      .slice(0, MOST_CHARACTERS)
      .replace(/[^ -~]/gu, (character) => [...Buffer.from(character)].map(escapeByte).join(""));
    return printable.slice(0, MOST_CHARACTERS);
  });
  return sentences.length > MOST_NAMED ? [...bounded, "and more"] : bounded;
}

const isPlain = (byte: number) => byte >= 0x20 && byte < 0x7f && !`"'\\()`.includes(String.fromCharCode(byte));
const escapeByte = (byte: number) => `\\x${byte.toString(16).padStart(2, "0")}`;
