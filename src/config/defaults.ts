// The configuration of a machine where nobody has set anything.
import { parseConfig } from "./parse.ts";
import type { Config } from "./schema.ts";

function read(): Config {
  const result = parseConfig([]);
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join("; "));
  return result.config;
}

export const DEFAULTS: Config = read();
