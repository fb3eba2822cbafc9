// What guests are told at login, and the terms of use to accept first. Pure. guestd keeps no state while a guest reads:
// the next call brings the digest.
import type { Config } from "../config/schema.ts";
import { inLanguage } from "./locale.ts";
import { refusal } from "./refusals.ts";
import { matchesAny } from "./wildcards.ts";

/** The text as in the file, and its SHA-256 in hexadecimal. */
export interface TermsFile {
  readonly text: string;
  readonly digest: string;
}

/** Terms of use as shown, with the question. */
export interface Terms extends TermsFile {
  /** What a guest types to accept. */
  readonly answer: string;
}

export interface Notice {
  /** Empty for no notice. */
  readonly login: string;
  /** PAM services that show it. */
  readonly services: readonly string[];
  readonly terms: Terms | undefined;
}

/** Before a configuration is loaded. */
export const NO_NOTICE: Notice = { login: "", services: [], terms: undefined };

/** The digest of the shown terms, and what the guest typed. */
export interface TermsReply {
  readonly terms: string;
  readonly answer: string;
}

/** `at` is in milliseconds since the epoch. */
export interface Acceptance {
  readonly digest: string;
  readonly at: number;
}

/**
 * @param locale of the machine, such as de_DE.UTF-8; the session's is not known yet
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

// Keeps what terminals and greeters show. Never makes the text longer.
const printable = (text: string): string =>
  text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .replaceAll("\t", " ")
    .trim();

/** Returns what the terminal shows; may be empty. su has no terminal if a program runs it. */
export const loginNotice = ({ login, services }: Notice, service: string, tty: string): string =>
  tty !== "" && matchesAny(services, service) ? login : "";

/** SDDM asks only for passwords, and the others ask nothing. */
const ASKING_NOTHING = ["*-autologin", "lightdm-guest", "sddm*"];

/** Whether the service can ask for acceptance during authentication. */
export const asksForTerms = (service: string): boolean => !matchesAny(ASKING_NOTHING, service);

export type TermsVerdict =
  | { readonly kind: "accepted"; readonly acceptance: Acceptance | undefined }
  | { readonly kind: "ask"; readonly terms: Terms }
  | { readonly kind: "refused"; readonly reason: string };

/** @param now in milliseconds since the epoch */
export function judgeTerms(terms: Terms | undefined, reply: TermsReply, now: number): TermsVerdict {
  if (terms === undefined) return { kind: "accepted", acceptance: undefined };
  if (reply.terms === "") return { kind: "ask", terms };
  if (reply.terms !== terms.digest) return { kind: "refused", reason: refusal("termsChanged") };
  const answer = reply.answer.trim().toLowerCase();
  if (answer === "") return { kind: "refused", reason: refusal("termsUnanswered") };
  if (answer !== terms.answer.toLowerCase()) return { kind: "refused", reason: refusal("termsDeclined") };
  return { kind: "accepted", acceptance: { digest: terms.digest, at: now } };
}
