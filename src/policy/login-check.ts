// Whether the ghost could log in, and warnings. Pure.
import type { Config } from "../config/schema.ts";
import { matchesAny } from "./wildcards.ts";
import type { Explanation } from "./explain.ts";

export interface LoginCheck {
  /** Why the ghost would be refused; "" otherwise, or if no ghost is needed. */
  readonly fault: string;
  readonly warnings: readonly string[];
  /** In milliseconds since the epoch. */
  readonly checkedAt: number;
}

// These ask for a card or a finger. Guests use another service.
const OTHER_MEANS = /-(smartcard|fingerprint)\b/;

/** Returns services that log guests in, or unlock their screens, without a password. */
export const passwordlessServices = ({ Guests }: Config, services: readonly string[]): readonly string[] =>
  services.filter((name) => matchesAny([...Guests.Passwordless, ...Guests.Unlock], name) && !OTHER_MEANS.test(name));

/** Sessions of the display managers' own accounts. */
const GREETERS = /-greeter$|^gdm-launch-environment$/;

export const sessionServices = (services: readonly string[]): readonly string[] =>
  services.filter((name) => !GREETERS.test(name));

export const ghostServices = ({ Guests }: Config, services: readonly string[]): readonly string[] =>
  sessionServices(services).filter((name) => matchesAny(Guests.Passwordless, name) && !OTHER_MEANS.test(name));

const KEPT_MICROSECONDS = 60e6;

export interface KeptCheck {
  readonly config: Config | undefined;
  /** In microseconds of the monotonic clock. */
  readonly uptime: number;
  readonly check: Promise<LoginCheck>;
}

/** @param uptime in microseconds of the monotonic clock */
export const isFresh = (kept: KeptCheck | undefined, config: Config | undefined, uptime: number): kept is KeptCheck =>
  kept !== undefined && kept.config === config && uptime - kept.uptime < KEPT_MICROSECONDS;

/** Adds warnings, without repeating the fault. */
export const addWarnings = (check: LoginCheck, warnings: readonly string[]): LoginCheck => ({
  ...check,
  warnings: [...warnings, ...check.warnings].filter((sentence) => sentence !== check.fault),
});

/** Returns why the ghost would be refused. Enabled=no is no fault. */
export const faultOf = (explanation: Explanation | undefined, config: Config): string =>
  explanation?.verdict === "refused" && config.Guests.Enabled ? explanation.reason : "";
