// What the configuration allows guests beyond polkit's usual, as files that the rule of systemd/guestd.rules looks for:
// polkitd cannot read guestd's configuration.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";

/** Writes the flags. @param directory of root, readable by all */
export function writePolkitFlags({ Polkit }: Pick<Config, "Polkit">, directory = "/run/guestd-polkit"): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  const flags: Readonly<Record<string, boolean>> = {
    "removable-media": Polkit.RemovableMedia,
    shutdown: Polkit.Shutdown,
  };
  for (const [name, isSet] of Object.entries(flags)) {
    const file = join(directory, name);
    if (isSet) writeFileSync(file, "", { mode: 0o644 });
    else rmSync(file, { force: true });
  }
}
