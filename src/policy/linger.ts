// What is said of accounts that sessions share and that logind is to start a user manager for. Pure.

/** What to do instead of lingering. */
const INSTEAD = 'have a unit of the system do what is to run without a session ("Rules for guests" in guestd(8))';

/** For the user manager itself: only its uid is known. */
export const NO_MANAGER =
  "Guests who share an account have no user manager: it would run outside their view. " +
  `Where loginctl has enabled lingering for it, disable that, and ${INSTEAD}.`;

/** For an account that is marked so. */
export const describeLingering = (user: string): string =>
  `Lingering is enabled for ${user}, and an account that sessions share has no user manager; ` +
  `run "loginctl disable-linger ${user}", and ${INSTEAD}.`;
