// Sentences that refuse a login. Guests read them in the machine's language, the journal has English. Translations are
// in packaging/po.

const ASK = "Please ask the administrator of this machine.";

export const REFUSALS = {
  accountFull: "{user} has as many sessions as this machine allows. Please end one of them or try again later.",
  accountHome: `The home directory {home} cannot be used for a guest. ${ASK}`,
  accountName: `The name of this account cannot be used for a guest. ${ASK}`,
  alreadyLeased: "This login has asked for a guest account already. Please log in again.",
  alreadyOpen: "This login has a guest session already. Please log in again.",
  display: `Guests cannot log in at this display without a password: it is at no seat of this machine. ${ASK}`,
  ended: "This guest session was ended before it was ready.",
  full: "This machine has as many guests as it allows. Please try again later.",
  hiddenHome: `The home directory of this account is hidden from guests. ${ASK}`,
  hungUp: "The login ended before its guest session was ready.",
  late: "Your guest session could not be started in time. Please try again.",
  misconfigured: `Guests cannot log in: the configuration of guestd has errors. ${ASK}`,
  noGroup: `The group {name} does not exist. ${ASK}`,
  notReady: `Your guest session could not be started. ${ASK}`,
  othersAccount: "The account {user} belongs to another guest. Please log in as {ghost}.",
  outerEnds: "The session that started this login is ending.",
  remote: `Guests cannot log in from another machine without a password. ${ASK}`,
  reservedUid: `The account {user} has a UID that is reserved for guests. ${ASK}`,
  service: "Guests cannot use {service}: what it starts would outlive the guest.",
  sharedService:
    'A service with User= and PAMName= cannot be kept apart from other sessions of {user}. Start its program through su, agetty --autologin or greetd: see "Services" in guestd(8).',
  switchedOff: `Guest logins are switched off on this machine. ${ASK}`,
  switchedOffFor: `Guest logins are switched off on this machine: {reason} ${ASK}`,
  systemAccount: `System accounts cannot be guests: this account must leave the group of guests. ${ASK}`,
  terminal: `Guests cannot log in at this terminal without a password: it does not belong to this machine (Terminals= in guestd.conf(5)). ${ASK}`,
  termsChanged: "The terms of use of this machine have changed meanwhile. Please log in again to read them.",
  termsDeclined: "You have not accepted the terms of use of this machine. Please log in again to read them.",
  termsUnanswered:
    "Guests have to accept the terms of use of this machine, and there was no answer. Logins that cannot ask, such as those by ssh, are refused.",
  unleased: `{ghost} needs an account of its own here, and this login has none. Either it skipped the authentication, as "agetty --autologin" does: write {instead} instead ("Automatic login" in guestd(8)). Or it is not at a terminal of this machine: see Terminals= and DisplayManagers= in guestd.conf(5). ${ASK}`,
  unmapped: `Guests cannot log in: this machine lacks the UIDs for their accounts. ${ASK}`,
  usedUp: "All guest accounts of this machine are in use. Please try again later.",
} as const;

type Name = keyof typeof REFUSALS;

type GapsOf<Text extends string> = Text extends `${string}{${infer Gap}}${infer Rest}` ? Gap | GapsOf<Rest> : never;

type Filled<N extends Name> = [GapsOf<(typeof REFUSALS)[N]>] extends [never]
  ? []
  : [values: Readonly<Record<GapsOf<(typeof REFUSALS)[N]>, string>>];

const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{(\w+)\}/g, (gap, name: string) => values[name] ?? gap);

export const refusal = <N extends Name>(name: N, ...[values]: Filled<N>): string => fill(REFUSALS[name], values ?? {});

// A filled gap can be any text.
function patternOf(text: string): RegExp {
  const literal = text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replace(/\{(\w+)\}/g, "(?<$1>.*)")}$`);
}

const PATTERNS = Object.values(REFUSALS).map((text) => ({ text, pattern: patternOf(text) }));

/**
 * Translates a refusal.
 * @param sentence from refusal()
 * @param translations of the texts of REFUSALS
 * @returns the sentence itself if there is no translation
 */
export function translateRefusal(sentence: string, translations: ReadonlyMap<string, string>): string {
  for (const { text, pattern } of PATTERNS) {
    const found = pattern.exec(sentence);
    const translated = translations.get(text);
    if (found !== null && translated !== undefined) return fill(translated, found.groups ?? {});
  }
  return sentence;
}
