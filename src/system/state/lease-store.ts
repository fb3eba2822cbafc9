// Which uids have been given back and when, and which are quarantined, over reboots: one small file each.
// What they mean is policy/lease.ts.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LeasePool, Quarantine } from "../../policy/lease.ts";
import { listNames, replaceDurably, replaceFile } from "../write-file.ts";

export interface LeasePaths {
  readonly rested: string;
  readonly quarantined: string;
}

const PATHS: LeasePaths = { rested: "/var/lib/guestd/leases", quarantined: "/var/lib/guestd/quarantine" };

export class LeaseStore {
  readonly #paths: LeasePaths;

  /** @param paths directories of root alone */
  constructor(paths = PATHS) {
    this.#paths = paths;
  }

  /** Writes down that a uid was given back, and is in quarantine no more. */
  rest(uid: number): void {
    replaceFile(
      join(this.#paths.rested, String(uid)),
      JSON.stringify({ uid, at: performance.timeOrigin + performance.now() }),
    );
    rmSync(join(this.#paths.quarantined, String(uid)), { force: true });
  }

  /** Writes down why a uid is quarantined. */
  async quarantine(uid: number, { reason, user, session }: Quarantine): Promise<void> {
    await replaceDurably(join(this.#paths.quarantined, String(uid)), JSON.stringify({ uid, reason, user, session }));
  }

  /** What was written down. An entry that cannot be read keeps its uid from being leased. */
  read(): LeasePool {
    const quarantined = new Map(
      listUids(this.#paths.quarantined).map((uid) => [
        uid,
        readQuarantine(join(this.#paths.quarantined, String(uid)), uid),
      ]),
    );
    const rested = listUids(this.#paths.rested)
      .filter((uid) => !quarantined.has(uid))
      .map((uid) => ({ uid, at: readRested(join(this.#paths.rested, String(uid))) }));
    return { rested: rested.sort((a, b) => a.at - b.at).map(({ uid }) => uid), quarantined };
  }
}

const listUids = (directory: string) =>
  listNames(directory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

// When it was is worth knowing, and no reason to doubt that it was.
function readRested(file: string): number {
  try {
    const { at } = JSON.parse(readFileSync(file, "utf8")) as { at?: unknown };
    return typeof at === "number" ? at : 0;
  } catch {
    return 0;
  }
}

function readQuarantine(file: string, uid: number): Quarantine {
  const unreadable = { reason: `${file} cannot be read`, user: "" };
  try {
    const entry = JSON.parse(readFileSync(file, "utf8")) as Partial<Quarantine> & { uid?: unknown };
    const { reason, user, session } = entry;
    if (entry.uid !== uid || typeof reason !== "string" || typeof user !== "string") return unreadable;
    return { reason, user, ...(typeof session === "string" ? { session } : {}) };
  } catch {
    return unreadable;
  }
}
