// Where files of a leased account are looked for after its session. Pure.
import type { Config } from "../config/schema.ts";

/**
 * The configuration for a sweep. Private directories of a view are swept on the host as well, because services write to
 * them there, and a later guest would own those files by UID.
 */
export function sweepPrivate(config: Config): Config {
  const paths = [...config.View.Private, ...config.Sweep.Paths];
  const first = paths.filter(({ path }, at) => paths.findIndex((other) => other.path === path) === at);
  return { ...config, Sweep: { ...config.Sweep, Paths: first } };
}
