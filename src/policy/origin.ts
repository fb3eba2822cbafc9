// Whether a login is local, by PAM's items and the leader's cgroup. Pure.
import type { Config } from "../config/schema.ts";
import { refusal } from "./refusals.ts";
import { matchesAny } from "./wildcards.ts";

/** Known during authentication. */
export interface Origin {
  /** May be empty: SDDM and greetd set it when the session opens. */
  readonly tty: string;
  readonly rhost: string;
  /** Empty if unknown. */
  readonly leaderCgroup: string;
}

/** Known when the session opens. */
export interface OpeningOrigin extends Origin {
  /** XDG_SEAT of PAM's environment, from logind, or empty. */
  readonly seat: string;
}

/** Whether the user is at this machine, as far as known during authentication. */
export function isLocal(config: Config, { tty, rhost, leaderCgroup }: Origin): boolean {
  if (rhost !== "") return false;
  return tty === "" ? isDisplayManager(config, leaderCgroup) : isOwnTerminal(config, tty);
}

/** Returns why a login admitted as local is not. Includes items that are set late. */
export function findOriginFault(config: Config, { tty, rhost, leaderCgroup, seat }: OpeningOrigin): string | undefined {
  if (rhost !== "") return refusal("remote");
  if (tty !== "" && !isOwnTerminal(config, tty)) return refusal("terminal");
  // LightDM names a VNC client's X server like a local one, but sets no seat.
  return isDisplayManager(config, leaderCgroup) && seat === "" ? refusal("display") : undefined;
}

// LightDM puts an address before a remote display. An IPv6 address can begin with a colon.
function isOwnTerminal({ Guests }: Config, tty: string): boolean {
  const isElsewhere = tty.startsWith(":") && !/^:\d+(\.\d+)?$/.test(tty);
  return !isElsewhere && matchesAny(Guests.Terminals, tty.replace(/^\/dev\//, ""));
}

const isDisplayManager = ({ Guests }: Config, cgroup: string): boolean =>
  matchesAny(Guests.DisplayManagers, unitOf(cgroup) ?? "");

/**
 * Returns the system unit of a cgroup: the first component that is no slice. A user manager can choose any name below
 * it.
 */
const unitOf = (cgroup: string): string | undefined =>
  cgroup
    .split("/")
    .slice(1)
    .find((name) => !name.endsWith(".slice"));
