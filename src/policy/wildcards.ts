// Names with wildcards in them. Pure.

/** Whether a text is what the pattern stands for: * for any characters, ? for one. A newline is neither: no name has one. */
export function fitsWildcards(pattern: string, text: string): boolean {
  const plain = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${plain.replace(/\*+/g, ".*").replace(/\?/g, ".")}$`).test(text);
}
