// Which user may run which tests, and where.
import { getuid } from "node:process";

/** The Debian releases that are tested, oldest first. */
export const releases = ["bookworm", "trixie"] as const;
export type Release = (typeof releases)[number];

/**
 * The release of this project's tests: vitest.config.ts has one project for each, and names it there.
 * @throws Error in a project without one
 */
export function projectRelease(): Release {
  const name = process.env["GUEST_RELEASE"];
  const release = releases.find((known) => known === name);
  if (release === undefined) throw new Error(`GUEST_RELEASE is ${String(name)}: no Debian release that is tested`);
  return release;
}

/**
 * True when root tests can run: `describe.skipIf(!requireRoot("native tests"))`. Otherwise prints a message.
 * @throws Error where skipping is forbidden (GUEST_MUST_WORK=1)
 */
export function requireRoot(what: string): boolean {
  if (getuid?.() === 0) return true;
  const message = `${what} need root: run them with sudo`;
  if (process.env["GUEST_MUST_WORK"] === "1") throw new Error(message);
  console.warn(`SKIPPED: ${message}`);
  return false;
}
