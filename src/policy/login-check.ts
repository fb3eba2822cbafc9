// Whether the ghost could log in, looked at and not only judged, and what is wrong with the machine beside that. Pure.
import type { Config } from "../config/schema.ts";
import { matchesAny } from "./wildcards.ts";
import type { Explanation } from "./explain.ts";

export interface LoginCheck {
  /** Why each login of the ghost would be refused, a sentence; "" when none would, and where none is meant to come. */
  readonly fault: string;
  /** What an administrator should know beside that, as sentences. */
  readonly warnings: readonly string[];
  /** When it was looked, in milliseconds since the epoch. */
  readonly checkedAt: number;
}

// What such a service asks for is a card or a finger; a guest takes another one.
const OTHER_MEANS = /-(smartcard|fingerprint)\b/;

/** Of the PAM services of a machine those through which guests log in, or unlock their screens, without a password. */
export const passwordlessServices = ({ Guests }: Config, services: readonly string[]): readonly string[] =>
  services.filter((name) => matchesAny([...Guests.Passwordless, ...Guests.Unlock], name) && !OTHER_MEANS.test(name));

/** Sessions of the display managers' own accounts: no guest has them. */
const GREETERS = /-greeter$|^gdm-launch-environment$/;

/** Of the PAM services of a machine those through which guests may have sessions. */
export const sessionServices = (services: readonly string[]): readonly string[] =>
  services.filter((name) => !GREETERS.test(name));

/** Those through which the ghost logs in. */
export const ghostServices = ({ Guests }: Config, services: readonly string[]): readonly string[] =>
  sessionServices(services).filter((name) => matchesAny(Guests.Passwordless, name) && !OTHER_MEANS.test(name));

/** For so long a check is not made again, whoever asks. */
const KEPT_MICROSECONDS = 60e6;

/** A check, and for what it holds. */
export interface KeptCheck {
  readonly config: Config | undefined;
  /** Microseconds of the monotonic clock. */
  readonly uptime: number;
  readonly check: Promise<LoginCheck>;
}

/** Whether a check still answers for this configuration. */
export const isFresh = (kept: KeptCheck | undefined, config: Config | undefined, uptime: number): kept is KeptCheck =>
  kept !== undefined && kept.config === config && uptime - kept.uptime < KEPT_MICROSECONDS;

/** A check with more to mind; what keeps the ghost out is said once. */
export const addWarnings = (check: LoginCheck, warnings: readonly string[]): LoginCheck => ({
  ...check,
  warnings: [...warnings, ...check.warnings].filter((sentence) => sentence !== check.fault),
});

/** Why the ghost would be refused; what the configuration alone refuses with Enabled=no is no fault. */
export const faultOf = (explanation: Explanation | undefined, config: Config): string =>
  explanation?.verdict === "refused" && config.Guests.Enabled ? explanation.reason : "";
