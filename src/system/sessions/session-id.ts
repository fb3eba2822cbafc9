// The ids of sessions, and their scope units.
import { randomBytes } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const SCOPE = /^guest-([a-z2-7]{10})\.scope$/;

/** 50 random bits: ids do not repeat and cannot be guessed. */
export function makeSessionId(): string {
  return Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join("");
}

/** Undefined if the unit is not guestd's. */
export const idOfScope = (unit: string): string | undefined => SCOPE.exec(unit)?.[1];
