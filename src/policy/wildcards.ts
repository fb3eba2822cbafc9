// Names with wildcards in them. Pure.

/** Whether a text is what the pattern stands for: * for any characters, ? for one. A newline is neither: no name has one. */
export function fitsWildcards(pattern: string, text: string): boolean {
  const plain = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${plain.replace(/\*+/g, ".*").replace(/\?/g, ".")}$`).test(text);
}

/** Whether a name is one of those that a key of the configuration has, as in "gdm-*". */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => fitsWildcards(pattern, name));
