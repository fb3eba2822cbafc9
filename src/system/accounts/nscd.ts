// Whether nscd(8), or unscd, caches accounts. It would report a leased name as unknown for a while.
import { existsSync } from "node:fs";
import { readIfThere } from "../read-file.ts";

const SOCKET = "/run/nscd/socket";
const SETTINGS = "/etc/nscd.conf";

/** True if it runs and caches accounts, which is not the default. */
export function cachesAccounts(socket = SOCKET, settings = SETTINGS): boolean {
  if (!existsSync(socket)) return false;
  const said = [...(readIfThere(settings) ?? "").matchAll(/^[ \t]*enable-cache[ \t]+passwd[ \t]+(\w+)/gm)].at(-1)?.[1];
  return said === "yes";
}
