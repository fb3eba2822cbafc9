// Which tests run on which release, and which need root.
import { getuid } from "node:process";

/** The oldest is first. */
export const releases = ["bookworm", "trixie"] as const;
export type Release = (typeof releases)[number];

/**
 * vitest.config.ts has one project for each release.
 * @throws Error in a project without one
 */
export function projectRelease(): Release {
  const name = process.env["GUEST_RELEASE"];
  const release = releases.find((known) => known === name);
  if (release === undefined) throw new Error(`GUEST_RELEASE is ${String(name)}: no Debian release that is tested`);
  return release;
}

/**
 * Prints a message when root is missing: `describe.skipIf(!requireRoot("native tests"))`.
 * @throws Error where skipping is forbidden (GUEST_MUST_WORK=1)
 */
export function requireRoot(what: string): boolean {
  if (getuid?.() === 0) return true;
  const message = `${what} need root: run them with sudo`;
  if (process.env["GUEST_MUST_WORK"] === "1") throw new Error(message);
  console.warn(`SKIPPED: ${message}`);
  return false;
}
