// Translates the defaults of [Notice].
import { NOTICE_TEXTS } from "./notice-texts.ts";
import type { Config } from "./schema.ts";

/** @param catalogs by locale; translations by the English text */
export function translateNotice(
  config: Config,
  catalogs: Readonly<Record<string, ReadonlyMap<string, string>>>,
): Config {
  const translated = (key: keyof typeof NOTICE_TEXTS) => {
    const text = NOTICE_TEXTS[key];
    const configured = config.Notice[key];
    if (configured[""] !== text) return configured;
    const translations = Object.entries(catalogs).map(([locale, catalog]) => [locale, catalog.get(text) ?? text]);
    return { ...(Object.fromEntries(translations) as Record<string, string>), ...configured };
  };
  // A configured question says what its answer is. That answer is not translated.
  const { TermsQuestion, TermsAnswer } = config.Notice;
  const asked = Object.fromEntries(Object.keys(TermsQuestion).map((locale) => [locale, TermsAnswer[""]]));
  const isAskedByDefault = TermsQuestion[""] === NOTICE_TEXTS.TermsQuestion;
  const texts = {
    LoginText: translated("LoginText"),
    LogoutText: translated("LogoutText"),
    TermsQuestion: translated("TermsQuestion"),
    TermsAnswer: isAskedByDefault ? { ...translated("TermsAnswer"), ...asked, ...TermsAnswer } : TermsAnswer,
  };
  return { ...config, Notice: { ...config.Notice, ...texts } };
}
