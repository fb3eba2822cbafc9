// Sorts sessions of records and ledger into those that may continue, that cannot, and that are unknown.
import type { RecordFound } from "../../policy/events.ts";
import type { SavedSession } from "../../policy/session.ts";
import type { Entry } from "./ledger.ts";

type Found = Pick<RecordFound, "saved" | "cause">;

export interface Sorted {
  /** Of this boot. A session in the ledger alone has lost its record, and ends. */
  readonly found: readonly Found[];
  /** Open when the machine went down. */
  readonly dead: readonly Found[];
  /** Records that were set aside and are not in the ledger. Their sessions may still run. */
  readonly unknown: ReadonlySet<string>;
}

/** @param unclear ids of records that were set aside */
export function sortRecords(
  sessions: readonly SavedSession[],
  entries: readonly Entry[],
  unclear: ReadonlySet<string>,
): Sorted {
  const recorded = new Set(sessions.map(({ id }) => id));
  const alone = entries.filter(({ session }) => !recorded.has(session.id));
  const lost = alone
    .filter(({ isOfThisBoot }) => isOfThisBoot)
    .map(({ session: saved }): Found => ({ saved, cause: "record-lost" }));
  const dead = alone
    .filter(({ isOfThisBoot }) => !isOfThisBoot)
    .map(({ session: saved }): Found => ({ saved, cause: "lost-power" }));
  const told = new Set(alone.map(({ session }) => session.id));
  return {
    found: [...sessions.map((saved) => ({ saved, cause: undefined })), ...lost],
    dead,
    unknown: new Set([...unclear].filter((id) => !told.has(id))),
  };
}
