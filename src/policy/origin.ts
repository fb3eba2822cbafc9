// Whether a login comes from this machine. Judges by PAM's items, and by the cgroup of the process that asks. Pure.
import type { Config } from "../config/schema.ts";
import { refusal } from "./refusals.ts";
import { matchesAny } from "./wildcards.ts";

/** What is known during authentication. */
export interface Origin {
  /** Empty if PAM has none: SDDM and greetd set it when the session opens. */
  readonly tty: string;
  readonly rhost: string;
  /** Path of the leader's cgroup; empty if unknown. */
  readonly leaderCgroup: string;
}

/** What is known when the session opens. */
export interface OpeningOrigin extends Origin {
  /** logind's seat, from XDG_SEAT of PAM's environment; empty if unset. */
  readonly seat: string;
}

/** Whether the user is at this machine, as far as is known before the session opens. */
export function isLocal(config: Config, { tty, rhost, leaderCgroup }: Origin): boolean {
  if (rhost !== "") return false;
  return tty === "" ? isDisplayManager(config, leaderCgroup) : isOwnTerminal(config, tty);
}

/** Why a login admitted as local is not local after all. Items that are set late count as well. */
export function findOriginFault(config: Config, { tty, rhost, leaderCgroup, seat }: OpeningOrigin): string | undefined {
  if (rhost !== "") return refusal("remote");
  if (tty !== "" && !isOwnTerminal(config, tty)) return refusal("terminal");
  // LightDM names the X server of a VNC client like one of a seat, and sets no remote host. But it sets no seat.
  return isDisplayManager(config, leaderCgroup) && seat === "" ? refusal("display") : undefined;
}

// LightDM puts an address before the number of a remote display. An IPv6 address can begin with a colon.
function isOwnTerminal({ Guests }: Config, tty: string): boolean {
  const isElsewhere = tty.startsWith(":") && !/^:\d+(\.\d+)?$/.test(tty);
  return !isElsewhere && matchesAny(Guests.Terminals, tty.replace(/^\/dev\//, ""));
}

const isDisplayManager = ({ Guests }: Config, cgroup: string): boolean =>
  matchesAny(Guests.DisplayManagers, unitOf(cgroup) ?? "");

/**
 * The system unit of a cgroup: the first component that is not a slice. Names below it are up to the unit:
 * a user manager can choose any.
 */
const unitOf = (cgroup: string): string | undefined =>
  cgroup
    .split("/")
    .slice(1)
    .find((name) => !name.endsWith(".slice"));
