// Keys with translations, as in desktop entries (Desktop Entry Specification, "Localized values for keys"): KEY=, and
// KEY[LOCALE]= with a locale such as de, pt_BR or sr@latin. Pure.

const NAME = /^(\w+)\[([a-z]{2,3}(?:_[A-Z]{2})?(?:@[a-z]+)?)\]$/;

/** The key without its locale. */
export const baseOf = (name: string): string => NAME.exec(name)?.[1] ?? name;

/** The locale of a key; "" if it has none. */
export const localeOf = (name: string): string => NAME.exec(name)?.[2] ?? "";
