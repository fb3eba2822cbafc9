// Where a login comes from: this machine, or perhaps afar. By what PAM names, and by what the kernel says of the
// process that asks. Pure.
import type { Config } from "../config/schema.ts";
import { matchesAny } from "./wildcards.ts";

/** What is known while the user is authenticated. */
export interface Origin {
  /** Empty where PAM names none: SDDM and greetd name it when the session opens. */
  readonly tty: string;
  readonly rhost: string;
  /** Path of the cgroup that the leader is in; empty where it cannot be told. */
  readonly leaderCgroup: string;
}

/** What is known when the session opens. */
export interface OpeningOrigin extends Origin {
  /** Of logind, as the login names it to PAM (XDG_SEAT); empty where it names none. */
  readonly seat: string;
}

/** Whether this machine is where the user is, as far as can be told before the session opens. */
export function isHere(config: Config, { tty, rhost, leaderCgroup }: Origin): boolean {
  if (rhost !== "") return false;
  return tty === "" ? isDisplayManager(config, leaderCgroup) : isOwnTerminal(config, tty);
}

/** Why a login that was let in as one at this machine is none, after all; what is named late counts as well. */
export function findOriginFault(config: Config, { tty, rhost, leaderCgroup, seat }: OpeningOrigin): string | undefined {
  if (rhost !== "") return "Guests cannot log in from another machine without a password.";
  if (tty !== "" && !isOwnTerminal(config, tty))
    return "Guests cannot log in at this terminal without a password: it is none of this machine (Terminals= in guestd.conf(5)).";
  // LightDM names an X server that a VNC client is at as it names one of a seat, and no remote host; but it names no seat.
  return isDisplayManager(config, leaderCgroup) && seat === ""
    ? "Guests cannot log in at this display without a password: it is at no seat of this machine."
    : undefined;
}

// LightDM puts an address before the number of a display that is elsewhere, and one of IPv6 can begin with a colon.
function isOwnTerminal({ Guests }: Config, tty: string): boolean {
  const isElsewhere = tty.startsWith(":") && !/^:\d+(\.\d+)?$/.test(tty);
  return !isElsewhere && matchesAny(Guests.Terminals, tty.replace(/^\/dev\//, ""));
}

const isDisplayManager = ({ Guests }: Config, cgroup: string): boolean =>
  matchesAny(Guests.DisplayManagers, unitOf(cgroup) ?? "");

/**
 * The unit of systemd that a cgroup is of, or below: slices stand before it. What is below is the unit's own business: a
 * user's manager may call a cgroup there whatever it likes.
 */
const unitOf = (cgroup: string): string | undefined =>
  cgroup
    .split("/")
    .slice(1)
    .find((name) => !name.endsWith(".slice"));
