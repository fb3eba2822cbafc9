// What guests are told at login, and the terms of use that they must accept first. Pure: files are read elsewhere.
// guestd keeps no state about a guest who reads terms: the next call brings the digest of what was shown.
import type { Config } from "../config/schema.ts";
import { inLanguage } from "./locale.ts";
import { refusal } from "./refusals.ts";
import { matchesAny } from "./wildcards.ts";

/** A text of terms of use, as in its file, and its SHA-256 in hexadecimal. */
export interface TermsFile {
  readonly text: string;
  readonly digest: string;
}

/** Terms of use as shown to a guest, with the question below. */
export interface Terms extends TermsFile {
  /** What a guest types to accept them. */
  readonly answer: string;
}

export interface Notice {
  /** Empty if guests are told nothing. */
  readonly login: string;
  /** PAM services through which they are told. */
  readonly services: readonly string[];
  readonly terms: Terms | undefined;
}

/** Before a configuration is loaded. */
export const NO_NOTICE: Notice = { login: "", services: [], terms: undefined };

/** What a login says about terms of use: the digest of those that were shown, and what was typed. */
export interface TermsReply {
  readonly terms: string;
  readonly answer: string;
}

/** A guest has accepted terms of use: which, and when, in milliseconds since the epoch. */
export interface Acceptance {
  readonly digest: string;
  readonly at: number;
}

/**
 * Makes the notice of a configuration.
 * @param locale of the machine, such as de_DE.UTF-8: that of the session is not known yet
 * @param file the terms of use in this language
 */
export function makeNotice({ Notice }: Config, locale: string, file: TermsFile | undefined): Notice {
  const question = inLanguage(Notice.TermsQuestion, locale);
  return {
    login: Notice.Login ? inLanguage(Notice.LoginText, locale) : "",
    services: Notice.LoginServices,
    terms:
      file === undefined
        ? undefined
        : {
            text: `${printable(file.text)}\n\n${question}`,
            digest: file.digest,
            answer: inLanguage(Notice.TermsAnswer, locale),
          },
  };
}

// Reduces the text to lines, as a terminal and a greeter show them. Never makes it longer.
const printable = (text: string): string =>
  text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .replaceAll("\t", " ")
    .trim();

/** What a guest reads in the terminal at login; may be empty. su has a terminal, unless a program runs it. */
export const loginNotice = ({ login, services }: Notice, service: string, tty: string): string =>
  tty !== "" && matchesAny(services, service) ? login : "";

/** SDDM asks only for passwords. An automatic login asks nothing, and neither do LightDM's guest sessions. */
const ASKING_NOTHING = ["*-autologin", "lightdm-guest", "sddm*"];

/** Whether this service can ask a guest for acceptance during authentication. */
export const asksForTerms = (service: string): boolean => !matchesAny(ASKING_NOTHING, service);

export type TermsVerdict =
  | { readonly kind: "accepted"; readonly acceptance: Acceptance | undefined }
  | { readonly kind: "ask"; readonly terms: Terms }
  | { readonly kind: "refused"; readonly reason: string };

/** Decides whether the terms of use, if there are any, are accepted. */
export function judgeTerms(terms: Terms | undefined, reply: TermsReply, now: number): TermsVerdict {
  if (terms === undefined) return { kind: "accepted", acceptance: undefined };
  if (reply.terms === "") return { kind: "ask", terms };
  if (reply.terms !== terms.digest) return { kind: "refused", reason: refusal("termsChanged") };
  const answer = reply.answer.trim().toLowerCase();
  if (answer === "") return { kind: "refused", reason: refusal("termsUnanswered") };
  if (answer !== terms.answer.toLowerCase()) return { kind: "refused", reason: refusal("termsDeclined") };
  return { kind: "accepted", acceptance: { digest: terms.digest, at: now } };
}
