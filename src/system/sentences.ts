// Makes what guests may have chosen safe for journal and receipts.

/** How many things of a class are named, and how many characters of each. */
const MOST_NAMED = 20;
const MOST_CHARACTERS = 300;

/** Special characters become \xNN. No name ends a line, a quotation or a bracket, and no two look alike. */
export function quoteName(name: Buffer | string): string {
  return [...Buffer.from(name)].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : escapeByte(byte))).join("");
}

/** Makes sentences few, short and printable. */
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
