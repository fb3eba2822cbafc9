// Checks a quarantined UID again: kills processes, names holders, sweeps the rest.
import type { Config } from "../../config/schema.ts";
import type { Swept } from "../../policy/receipt.ts";
import { addFindings, NOTHING_FOUND } from "../../policy/receipt.ts";
import { labelOf } from "../../policy/session.ts";
import type { UidSubject } from "../../policy/subject.ts";
import type { Bindings } from "../bindings.ts";
import type { Cgroups } from "../processes/cgroups.ts";
import type { SearchHolders } from "../processes/holder-search.ts";
import { searchHolders } from "../processes/holder-search.ts";
import { findHolders } from "../processes/holders.ts";
import { endProcesses } from "../processes/kill.ts";
import type { SearchMembers } from "../processes/member-search.ts";

export interface UidSweepParts {
  readonly bindings: Pick<Bindings, "openPidfd" | "sendSignal">;
  readonly cgroups: Cgroups;
  /** Rejects if a user has the UID now. */
  readonly checkForeign: (account: UidSubject) => Promise<void>;
  readonly sweeper: { readonly sweep: (account: UidSubject, settings: Config["Sweep"]) => Promise<readonly Swept[]> };
  /** searchHolders, or one look for many. */
  readonly search?: SearchHolders;
  readonly searchMembers?: SearchMembers | undefined;
}

/**
 * @param session the UID's last one; "" if unknown
 * @throws Error if a user has taken the UID meanwhile
 */
export async function sweepUid(
  { bindings, cgroups, checkForeign, sweeper, search = searchHolders, searchMembers: members }: UidSweepParts,
  account: UidSubject,
  session: string,
  settings: Config["Sweep"],
): Promise<{ readonly swept: readonly Swept[] }> {
  const { uid } = account;
  const table = { proc: "/proc", cgroups, bindings, ...(members === undefined ? {} : { search: members }) };
  const ended = await endProcesses(table, { cgroups: [], view: undefined, uid });
  // Others may have the view's devices and namespaces by now.
  const held = await findHolders(search, {
    label: session === "" ? undefined : labelOf(session),
    devices: undefined,
    uid,
    namespaces: [],
  });
  // The look takes time, and a sweep cannot be undone.
  await checkForeign(account);
  const swept = await sweeper.sweep(account, settings);
  // The second look at processes tells what is left.
  return { swept: addFindings({ ...NOTHING_FOUND, ...ended }, { swept: [...held, ...swept] }).swept };
}
