// The current notice, in the machine's language. Desktops show it in their own.
import { createHash } from "node:crypto";
import type { Config } from "./config/schema.ts";
import { inLanguage } from "./policy/locale.ts";
import type { Notice } from "./policy/notice.ts";
import { makeNotice } from "./policy/notice.ts";

/** Returns the locale that systemd gives to services (locale.conf(5)); may be empty. */
export function machineLocale(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const { LC_ALL, LC_MESSAGES, LANG } = environment;
  return [LC_ALL, LC_MESSAGES, LANG].find((name) => name !== undefined && name !== "") ?? "";
}

/** @param terms the texts of Terms=, by locale */
export function noticeInForce(
  config: Config,
  terms: Readonly<Record<string, string>>,
  locale = machineLocale(),
): Notice {
  const text = inLanguage(terms, locale);
  const file = text === undefined ? undefined : { text, digest: createHash("sha256").update(text).digest("hex") };
  return makeNotice(config, locale, file);
}
