// Names and sentences as a person may read them in the journal and in a receipt, although a guest may have chosen what is in them.

/** As many things of a class are named, each with as many characters at most. */
const MOST_NAMED = 20;
const MOST_CHARACTERS = 300;

/** A name that a guest may have chosen, with all but plain characters as \xNN: it can end no line, no quotation and no bracket, and no two look alike. */
export function quoteName(name: Buffer | string): string {
  return [...Buffer.from(name)].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : escapeByte(byte))).join("");
}

/** Sentences as they may stand in the journal and in a receipt: few, short and printable, although a guest chose words of them. */
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
