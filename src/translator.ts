// What guests read: refusals in the machine's language, notices in each installed one.
import { translateNotice } from "./config/translate-notice.ts";
import type { Config } from "./config/schema.ts";
import { machineLocale } from "./notice-in-force.ts";
import { inLanguage } from "./policy/locale.ts";
import { translateRefusal } from "./policy/refusals.ts";
import { readCatalogs } from "./system/translations.ts";

export interface Translator {
  readonly refusal: (sentence: string) => string;
  readonly config: (config: Config) => Config;
}

/** @param locale of the machine */
export function makeTranslator(catalogs = readCatalogs(), locale = machineLocale()): Translator {
  const catalog = inLanguage(catalogs, locale) ?? new Map<string, string>();
  return {
    refusal: (sentence) => translateRefusal(sentence, catalog),
    config: (config) => translateNotice(config, catalogs),
  };
}
