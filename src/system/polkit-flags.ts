// Writes what [Polkit] allows guests as files for the rule in systemd/guestd.rules, because polkitd cannot read
// guestd's configuration. The rule knows the actions of each key.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";

/** The file of a key: "removable-media" for RemovableMedia=. */
export const flagOf = (key: string): string => key.replace(/\B[A-Z]/g, "-$&").toLowerCase();

/** Writes the flags. @param directory owned by root, readable by all */
export function writePolkitFlags({ Polkit }: Pick<Config, "Polkit">, directory = "/run/guestd-polkit"): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  // BlueZ does not ask polkit: bus-policy.ts.
  const { Bluetooth: _onTheBus, ...asked } = Polkit;
  for (const [key, isSet] of Object.entries(asked)) {
    const file = join(directory, flagOf(key));
    if (isSet) writeFileSync(file, "", { mode: 0o644 });
    else rmSync(file, { force: true });
  }
}
