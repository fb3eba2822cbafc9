// Turns what an earlier guestd left into the first events. Records and ledger are both read, to notice a lost record.
import type { What } from "./policy/events.ts";
import type { UidMap } from "./policy/uid-map.ts";
import type { Leases } from "./system/accounts/leases.ts";
import type { Journal } from "./system/journal.ts";
import type { Reapers } from "./system/sessions/reapers.ts";
import type { Ledger } from "./system/state/ledger.ts";
import type { ReceiptStore } from "./system/state/receipt-store.ts";
import type { SessionStore } from "./system/state/session-store.ts";
import { sortRecords } from "./system/state/sort-records.ts";
import type { SwitchStore } from "./system/state/switch-store.ts";
import type { UnlockMarks } from "./system/unlock-marks.ts";

export interface StartupParts {
  readonly loginSwitch: Pick<SwitchStore, "read">;
  readonly store: Pick<SessionStore, "recover">;
  readonly ledger: Pick<Ledger, "recover">;
  readonly receipts: Pick<ReceiptStore, "recover" | "find">;
  readonly leases: Pick<Leases, "recover">;
  readonly reapers: Pick<Reapers, "killOrphans">;
  readonly readUidMap: () => UidMap;
  readonly marks: Pick<UnlockMarks, "list">;
  readonly journal: Pick<Journal, "logDaemon">;
}

/** Logs what is unreadable, and removes what belongs to no session. */
export async function findLeftovers(parts: StartupParts): Promise<What[]> {
  const { loginSwitch } = readSwitch(parts);
  const { found, dead, unknown } = readRecords(parts);
  const { leases, receipts, marks, readUidMap } = parts;
  const sessions = found.map(({ saved }) => saved);
  const kept = new Map([...found, ...dead].map(({ saved: { id } }) => [id, receipts.find(id)]));
  const over = new Set(sessions.map(({ id }) => id).filter((id) => kept.get(id) !== undefined));
  const recovered = await leases.recover(sessions, unknown.size > 0, over);
  const again = found.map((record, index) => ({ ...record, saved: recovered.sessions[index] ?? record.saved }));
  const records = [...again, ...dead].map(({ saved, cause }): What => {
    return { kind: "record-found", saved, cause, receipt: kept.get(saved.id) };
  });
  // A session with an unreadable record keeps its mark.
  const uids = unknown.size > 0 ? [] : marks.list();
  return [
    { kind: "switch-found", loginSwitch },
    { kind: "leases-found", kept: recovered.kept, uidMap: readUidMap() },
    ...records,
    { kind: "marks-found", uids },
  ];
}

function readSwitch({ loginSwitch, journal }: StartupParts) {
  const found = loginSwitch.read();
  const refused = "Guests are refused until they are switched on or off again";
  if (found.fault !== undefined) journal.logDaemon("err", "switch-rejected", `${refused}: ${found.fault}`);
  return found;
}

function readRecords({ store, ledger, receipts, reapers, journal }: StartupParts) {
  const { sessions, rejected, unclear } = store.recover();
  const { entries, rejected: alsoRejected } = ledger.recover();
  receipts.recover();
  for (const { file, reason } of [...rejected, ...alsoRejected]) {
    journal.logDaemon("err", "record-rejected", `Set aside the record ${file}: it ${reason}.`);
  }
  const sorted = sortRecords(sessions, entries, unclear);
  const known = new Set([...sorted.found.map(({ saved }) => saved.id), ...sorted.unknown]);
  for (const scope of reapers.killOrphans(known)) {
    journal.logDaemon("notice", "orphan-killed", `Killed what a login that failed had left in ${scope}.`);
  }
  return sorted;
}
