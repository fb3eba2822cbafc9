// Picks a translation, as in the Desktop Entry Specification. Pure.

/** Returns the matching locales, best first: "de_AT@euro", "de_AT", "de@euro", "de". */
export function localesOf(locale: string): string[] {
  const [, language = "", country = "", modifier = ""] =
    /^([a-z]{2,3})(_[A-Z]{2})?(?:\.[^@]*)?(@[a-z]+)?$/.exec(locale) ?? [];
  const names = [`${language}${country}${modifier}`, `${language}${country}`, `${language}${modifier}`, language];
  return [...new Set(names)].filter((name) => name !== "");
}

/** Returns the value for a locale, or the untranslated one. */
export function inLanguage<T>(values: Readonly<Record<string, T>> & { readonly "": T }, locale: string): T;
export function inLanguage<T>(values: Readonly<Record<string, T>>, locale: string): T | undefined;
export function inLanguage<T>(values: Readonly<Record<string, T>>, locale: string): T | undefined {
  const found = localesOf(locale).find((name) => Object.hasOwn(values, name));
  return values[found ?? ""];
}
