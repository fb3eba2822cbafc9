// Writes what [Polkit] allows guests as files for systemd/guestd.rules: polkitd cannot read guestd's configuration.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";

/** "removable-media" for RemovableMedia=. */
export const flagOf = (key: string): string => key.replace(/\B[A-Z]/g, "-$&").toLowerCase();

/** @param directory owned by root, readable by all */
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
