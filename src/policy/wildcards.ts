// Names with wildcards. Pure.

/** Whether a text matches: * for any characters, ? for one. A newline matches neither, because no name has one. */
export function fitsWildcards(pattern: string, text: string): boolean {
  const plain = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${plain.replace(/\*+/g, ".*").replace(/\?/g, ".")}$`).test(text);
}

/** Whether a name matches a pattern such as "gdm-*". */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => fitsWildcards(pattern, name));
