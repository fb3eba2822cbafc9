// Writes settings for polkit, the bus, guests' desktops and the name service.
import type { Config } from "./config/schema.ts";
import type { Leases } from "./system/accounts/leases.ts";
import { writeBusPolicy } from "./system/bus-policy.ts";
import { writeNotice } from "./system/notice-files.ts";
import { writePolkitFlags } from "./system/polkit-flags.ts";

export interface Readers {
  readonly leases: Pick<Leases, "publishGhost">;
  readonly reloadPolicy: () => Promise<void>;
}

/** Never throws: the configuration applies even if it cannot be published. */
export function publishConfig(
  config: Config,
  { leases, reloadPolicy }: Readers,
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
  try {
    if (writeBusPolicy(config))
      reloadPolicy().catch((error: unknown) => {
        report("the policy of the bus", error);
      });
  } catch (error) {
    report("what the bus allows guests", error);
  }
  leases.publishGhost(config).catch((error: unknown) => {
    report(`the account ${config.Guests.Ghost}`, error);
  });
}
