// Writes what [Polkit] allows guests where a service does not ask polkit. systemd/org.guestd1.conf includes it.
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import { readStart } from "./read-file.ts";
import { replaceFile } from "./write-file.ts";

// org.guestd1.conf denies this to the group guests.
const BLUETOOTH = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <policy group="guests">
    <allow send_destination="org.bluez"/>
  </policy>
</busconfig>
`;
const MOST_BYTES = 4096;

/**
 * @param directory owned by root, readable by all
 * @returns whether the bus must read it again
 */
export function writeBusPolicy({ Polkit }: Pick<Config, "Polkit">, directory = "/run/guestd-bus"): boolean {
  const file = join(directory, "bluetooth.conf");
  const text = Polkit.Bluetooth ? BLUETOOTH : undefined;
  if (readStart(file, MOST_BYTES) === text) return false;
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  if (text === undefined) rmSync(file, { force: true });
  else {
    replaceFile(file, text);
    chmodSync(file, 0o644);
  }
  return true;
}
