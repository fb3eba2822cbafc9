// What an earlier guestd has left, as the first events of the next one: the switch, its sessions, and the uids that nobody has.
// What was written down twice is read twice: a session whose record is lost can be told from the ledger.
import type { Event, Moment, RecordFound } from "./policy/events.ts";
import type { Journal } from "./system/journal.ts";
import type { SwitchStore } from "./system/state/switch-store.ts";
import type { Leases } from "./system/accounts/leases.ts";
import type { Ledger } from "./system/state/ledger.ts";
import type { Reapers } from "./system/sessions/reapers.ts";
import { sortRecords } from "./system/state/sort-records.ts";
import type { SessionStore } from "./system/state/session-store.ts";

export interface Recorded {
  readonly loginSwitch: Pick<SwitchStore, "read">;
  readonly store: Pick<SessionStore, "recover">;
  readonly ledger: Pick<Ledger, "recover" | "find">;
  readonly leases: Pick<Leases, "recover">;
  readonly reapers: Pick<Reapers, "killOrphans">;
  readonly journal: Pick<Journal, "logDaemon">;
  readonly clock: () => Moment;
}

/** Reads it, says what cannot be read, and takes away what belongs to no session. */
export async function findRecorded({
  loginSwitch,
  store,
  ledger,
  leases,
  reapers,
  journal,
  clock,
}: Recorded): Promise<Event[]> {
  const switched = loginSwitch.read();
  if (switched.fault !== undefined)
    journal.logDaemon(
      "err",
      "gate-rejected",
      `Guests are refused until they are switched on or off again: ${switched.fault}`,
    );
  const { sessions, rejected, unclear } = store.recover();
  const { entries, rejected: alsoRejected } = ledger.recover();
  for (const { file, reason } of [...rejected, ...alsoRejected]) {
    journal.logDaemon("err", "record-rejected", `Set aside the record ${file}: it ${reason}.`);
  }
  const { found, dead, unknown } = sortRecords(sessions, entries, unclear);
  const known = new Set([...found.map(({ session }) => session.id), ...unknown]);
  for (const scope of reapers.killOrphans(known)) {
    journal.logDaemon("notice", "orphan-killed", `Killed what a login that failed had left in ${scope}.`);
  }
  const recovered = await leases.recover(
    found.map(({ session }) => session),
    unknown.size > 0,
  );
  const again = found.map((record, index) => ({ ...record, session: recovered.sessions[index] ?? record.session }));
  const records = [...again, ...dead].map((record): RecordFound => {
    const receipt = ledger.find(record.session.id);
    return { kind: "record-found", ...clock(), ...record, ...(receipt === undefined ? {} : { receipt }) };
  });
  return [
    { kind: "gate-found", gate: switched.loginSwitch },
    { kind: "leases-found", pool: recovered.pool },
    ...records,
  ];
}
