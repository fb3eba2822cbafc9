// Who may run which tests, and where.
import { getuid } from "node:process";

/** The Debian releases that are tested. */
export const releases = ["bookworm", "trixie"] as const;
export type Release = (typeof releases)[number];

/**
 * True when root tests can run: `describe.skipIf(!requireRoot("machine tests"))`. Skips loudly.
 * @throws Error where skipping is forbidden (GUEST_MUST_WORK=1)
 */
export function requireRoot(what: string): boolean {
  if (getuid?.() === 0) return true;
  const message = `${what} need root: run them with sudo`;
  if (process.env["GUEST_MUST_WORK"] === "1") throw new Error(message);
  console.warn(`SKIPPED: ${message}`);
  return false;
}
