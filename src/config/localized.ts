// Keys with translations, KEY[LOCALE]= (Desktop Entry Specification, "Localized values for keys"). Pure.

const NAME = /^(\w+)\[([a-z]{2,3}(?:_[A-Z]{2})?(?:@[a-z]+)?)\]$/;

export const baseOf = (name: string): string => NAME.exec(name)?.[1] ?? name;

/** "" if it has none. */
export const localeOf = (name: string): string => NAME.exec(name)?.[2] ?? "";
