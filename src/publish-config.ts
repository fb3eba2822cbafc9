// Writes settings to where others read them: the polkit rule, guests' desktops, the name service.
import type { Config } from "./config/schema.ts";
import type { Leases } from "./system/accounts/leases.ts";
import { writeNotice } from "./system/notice-files.ts";
import { writePolkitFlags } from "./system/polkit-flags.ts";

/** Never throws: a configuration applies even if the others cannot be told. */
export function publishConfig(
  config: Config,
  leases: Pick<Leases, "publishGhost">,
  report: (what: string, error: unknown) => void,
): void {
  try {
    writePolkitFlags(config);
  } catch (error) {
    report("what polkit allows guests", error);
  }
  try {
    writeNotice(config);
  } catch (error) {
    report("what guests are told", error);
  }
  leases.publishGhost(config).catch((error: unknown) => {
    report(`the account ${config.Guests.Ghost}`, error);
  });
}
