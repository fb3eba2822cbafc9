// What guests are told when they log in, and the terms of use that they have to accept before. Pure: files are read elsewhere.
// Nothing is remembered of a guest who reads terms: the login that asks again brings the digest of what was shown.
import type { Config } from "../config/schema.ts";
import { inLanguage } from "./locale.ts";
import { matchesAny } from "./wildcards.ts";

/** A text of terms of use, as it stands in its file, and its SHA-256 in hexadecimal. */
export interface TermsFile {
  readonly text: string;
  readonly digest: string;
}

/** Terms of use as a guest is shown them: the question stands below. */
export interface Terms extends TermsFile {
  /** What a guest types who accepts them. */
  readonly answer: string;
}

export interface Notice {
  /** Empty where guests are told nothing. */
  readonly login: string;
  /** PAM services by which they are told. */
  readonly services: readonly string[];
  readonly terms: Terms | undefined;
}

/** Before a configuration is in force. */
export const NO_NOTICE: Notice = { login: "", services: [], terms: undefined };

/** What a login says of terms of use: the digest of those that were shown, and what was typed. */
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
 * What guests are told by a configuration.
 * @param locale of the machine, such as de_DE.UTF-8: of the session's nothing is known yet
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

// Lines alone, as a terminal and a greeter show them, and not longer than the text was.
const printable = (text: string): string =>
  text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .replaceAll("\t", " ")
    .trim();

/**
 * What a guest reads in the terminal on the way in; empty for nothing.
 * su names a terminal where it has one, and has none where a program runs it.
 */
export const loginNotice = ({ login, services }: Notice, service: string, tty: string): string =>
  tty !== "" && matchesAny(services, service) ? login : "";

/** SDDM asks for nothing but passwords, and nothing is asked where a greeter is passed over; so are LightDM's for its guest sessions. */
const ASKING_NOTHING = ["*-autologin", "lightdm-guest", "sddm*"];

/** Whether terms of use can be accepted while a guest is authenticated through this service. */
export const asksForTerms = (service: string): boolean => !matchesAny(ASKING_NOTHING, service);

export type TermsVerdict =
  | { readonly kind: "accepted"; readonly acceptance: Acceptance | undefined }
  | { readonly kind: "ask"; readonly terms: Terms }
  | { readonly kind: "refused"; readonly reason: string };

/** What a guest is told who cannot be asked, or says nothing. */
export const UNANSWERED =
  "Guests have to accept the terms of use of this machine, and there was no answer. A login that cannot ask, such as one by ssh, is not for guests here.";
const NOT_ACCEPTED = "You have not accepted the terms of use of this machine. Please log in again to read them.";
const CHANGED = "The terms of use of this machine have changed in the meantime. Please log in again to read them.";

/** Decides whether the terms of use, where there are any, are accepted. */
export function judgeTerms(terms: Terms | undefined, reply: TermsReply, now: number): TermsVerdict {
  if (terms === undefined) return { kind: "accepted", acceptance: undefined };
  if (reply.terms === "") return { kind: "ask", terms };
  if (reply.terms !== terms.digest) return { kind: "refused", reason: CHANGED };
  const answer = reply.answer.trim().toLowerCase();
  if (answer === "") return { kind: "refused", reason: UNANSWERED };
  if (answer !== terms.answer.toLowerCase()) return { kind: "refused", reason: NOT_ACCEPTED };
  return { kind: "accepted", acceptance: { digest: terms.digest, at: now } };
}
