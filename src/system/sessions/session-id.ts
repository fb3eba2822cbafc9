// The ids of sessions, and which scope units are guestd's by them.
import { randomBytes } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const SCOPE = /^guest-([a-z2-7]{10})\.scope$/;

/** A fresh id: 10 characters of base 32 are 50 random bits, so no id comes twice and none can be guessed from another. */
export function makeSessionId(): string {
  return Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join("");
}

/** The id of the session that a scope unit is named after; undefined for a unit that is not guestd's, whatever its name. */
export const idOfScope = (unit: string): string | undefined => SCOPE.exec(unit)?.[1];
