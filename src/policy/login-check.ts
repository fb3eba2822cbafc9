// The result of trying whether the ghost could log in, with warnings about the machine. Pure.
import type { Config } from "../config/schema.ts";
import { matchesAny } from "./wildcards.ts";
import type { Explanation } from "./explain.ts";

export interface LoginCheck {
  /** Why the ghost would be refused, as a sentence; "" if it would not, or if no ghost is needed. */
  readonly fault: string;
  /** What else an administrator should know, as sentences. */
  readonly warnings: readonly string[];
  /** When it was checked, in milliseconds since the epoch. */
  readonly checkedAt: number;
}

// Services that ask for a card or a finger. Guests use another service.
const OTHER_MEANS = /-(smartcard|fingerprint)\b/;

/** The PAM services through which guests log in, or unlock their screens, without a password. */
export const passwordlessServices = ({ Guests }: Config, services: readonly string[]): readonly string[] =>
  services.filter((name) => matchesAny([...Guests.Passwordless, ...Guests.Unlock], name) && !OTHER_MEANS.test(name));

/** Sessions of the display managers' own accounts, not of guests. */
const GREETERS = /-greeter$|^gdm-launch-environment$/;

/** The PAM services through which guests may have sessions. */
export const sessionServices = (services: readonly string[]): readonly string[] =>
  services.filter((name) => !GREETERS.test(name));

/** The services through which the ghost logs in. */
export const ghostServices = ({ Guests }: Config, services: readonly string[]): readonly string[] =>
  sessionServices(services).filter((name) => matchesAny(Guests.Passwordless, name) && !OTHER_MEANS.test(name));

/** How long a check is reused. */
const KEPT_MICROSECONDS = 60e6;

/** A check, and what it is valid for. */
export interface KeptCheck {
  readonly config: Config | undefined;
  /** Microseconds of the monotonic clock. */
  readonly uptime: number;
  readonly check: Promise<LoginCheck>;
}

/** Whether a check is still valid for this configuration. */
export const isFresh = (kept: KeptCheck | undefined, config: Config | undefined, uptime: number): kept is KeptCheck =>
  kept !== undefined && kept.config === config && uptime - kept.uptime < KEPT_MICROSECONDS;

/** Adds warnings to a check. What refuses the ghost is said only once. */
export const addWarnings = (check: LoginCheck, warnings: readonly string[]): LoginCheck => ({
  ...check,
  warnings: [...warnings, ...check.warnings].filter((sentence) => sentence !== check.fault),
});

/** Why the ghost would be refused. Enabled=no in the configuration is no fault. */
export const faultOf = (explanation: Explanation | undefined, config: Config): string =>
  explanation?.verdict === "refused" && config.Guests.Enabled ? explanation.reason : "";
