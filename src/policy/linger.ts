// Warns of lingering for shared accounts: logind starts user managers for them. Pure.

const INSTEAD = 'have a unit of the system do what is to run without a session ("Rules for guests" in guestd(8))';

/** The user manager reads this. Only the UID is known there. */
export const NO_MANAGER =
  "Guests who share an account have no user manager: it would run outside their view. " +
  `Where loginctl has enabled lingering for it, disable that, and ${INSTEAD}.`;

export const describeLingering = (user: string): string =>
  `Lingering is enabled for ${user}, and an account that sessions share has no user manager; ` +
  `run "loginctl disable-linger ${user}", and ${INSTEAD}.`;
