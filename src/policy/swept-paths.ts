// Where files of a leased account are looked for when its session has ended. Pure.
import type { Config } from "../config/schema.ts";

/**
 * The configuration for a sweep: what guests have of their own in a view is looked at on the host as well, since services
 * write there for them, and a later guest would have it under its uid.
 */
export function sweepPrivate(config: Config): Config {
  const paths = [...config.View.Private, ...config.Sweep.Paths];
  const first = paths.filter(({ path }, at) => paths.findIndex((other) => other.path === path) === at);
  return { ...config, Sweep: { ...config.Sweep, Paths: first } };
}
