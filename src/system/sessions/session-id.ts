// The ids of sessions, and the scope units named after them.
import { randomBytes } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const SCOPE = /^guest-([a-z2-7]{10})\.scope$/;

/** Makes an id: 10 characters of base 32 are 50 random bits, so ids do not repeat and cannot be guessed. */
export function makeSessionId(): string {
  return Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join("");
}

/** The id of the session that a scope unit is named after; undefined if the unit is not guestd's. */
export const idOfScope = (unit: string): string | undefined => SCOPE.exec(unit)?.[1];
