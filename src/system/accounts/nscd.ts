// Whether nscd(8), or unscd, answers for accounts from its cache: it says for a while that a name is nobody's, when it is a leased account's by then.
import { existsSync } from "node:fs";
import { readIfThere } from "../read-file.ts";

const SOCKET = "/run/nscd/socket";
const SETTINGS = "/etc/nscd.conf";

/** True where it runs and its settings have it cache accounts; they are not cached unless they say so. */
export function cachesAccounts(socket = SOCKET, settings = SETTINGS): boolean {
  if (!existsSync(socket)) return false;
  const said = [...(readIfThere(settings) ?? "").matchAll(/^[ \t]*enable-cache[ \t]+passwd[ \t]+(\w+)/gm)].at(-1)?.[1];
  return said === "yes";
}
