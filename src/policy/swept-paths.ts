// Where a leased account's files are looked for after its session. Pure.
import type { Config } from "../config/schema.ts";

/** Adds private directories. Services write there on the host, and a later guest would own those files by UID. */
export function sweepPrivate(config: Config): Config {
  const paths = [...config.View.Private, ...config.Sweep.Paths];
  const first = paths.filter(({ path }, at) => paths.findIndex((other) => other.path === path) === at);
  return { ...config, Sweep: { ...config.Sweep, Paths: first } };
}
