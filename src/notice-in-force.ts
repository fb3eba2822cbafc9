// The notice of the current configuration, in the language of the machine. A desktop shows it in its own language.
import { createHash } from "node:crypto";
import type { Config } from "./config/schema.ts";
import { inLanguage } from "./policy/locale.ts";
import type { Notice } from "./policy/notice.ts";
import { makeNotice } from "./policy/notice.ts";

/**
 * Returns the notice of a configuration.
 * @param terms the texts of Terms=, by locale
 * @param environment has the machine's locale, as systemd gives it to all services (locale.conf(5))
 */
export function noticeInForce(
  config: Config,
  terms: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Notice {
  const { LC_ALL, LC_MESSAGES, LANG } = environment;
  const locale = [LC_ALL, LC_MESSAGES, LANG].find((name) => name !== undefined && name !== "") ?? "";
  const text = inLanguage(terms, locale);
  const file = text === undefined ? undefined : { text, digest: createHash("sha256").update(text).digest("hex") };
  return makeNotice(config, locale, file);
}
