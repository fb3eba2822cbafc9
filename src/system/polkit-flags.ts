// What the configuration allows guests beyond polkit's usual, as files that the rule of systemd/guestd.rules looks for:
// polkitd cannot read guestd's configuration. Which actions a key stands for is the rule's.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";

/** The file of a key: "removable-media" of RemovableMedia=. */
export const flagOf = (key: string): string => key.replace(/\B[A-Z]/g, "-$&").toLowerCase();

/** Writes the flags. @param directory of root, readable by all */
export function writePolkitFlags({ Polkit }: Pick<Config, "Polkit">, directory = "/run/guestd-polkit"): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  for (const [key, isSet] of Object.entries(Polkit)) {
    const file = join(directory, flagOf(key));
    if (isSet) writeFileSync(file, "", { mode: 0o644 });
    else rmSync(file, { force: true });
  }
}
