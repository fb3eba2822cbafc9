// Lists users with a user manager but no session (loginctl(1), enable-linger).
import { readdirSync } from "node:fs";

const DIRECTORY = "/var/lib/systemd/linger";

/** logind writes special characters in names as "\\x2e". */
export function listLingering(directory = DIRECTORY): readonly string[] {
  try {
    return readdirSync(directory).map((name) =>
      name.replace(/\\x([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16))),
    );
  } catch {
    return [];
  }
}
