// Saves which UIDs were given back or quarantined. policy/lease.ts interprets it.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { KeptLeases, Quarantine } from "../../policy/lease.ts";
import { listNames, replaceDurably } from "../write-file.ts";
import { RestedUids } from "./rested-uids.ts";

export interface LeasePaths {
  readonly rested: string;
  /** Of earlier versions. */
  readonly restedEarlier: string;
  readonly quarantined: string;
}

const PATHS: LeasePaths = {
  rested: "/var/lib/guestd/rested",
  restedEarlier: "/var/lib/guestd/leases",
  quarantined: "/var/lib/guestd/quarantine",
};

export class LeaseStore {
  readonly #paths: LeasePaths;
  readonly #rested: RestedUids;

  /** @param paths accessible to root only */
  constructor(paths = PATHS) {
    this.#paths = paths;
    this.#rested = new RestedUids(paths.rested, paths.restedEarlier);
  }

  /** Also ends the UID's quarantine. */
  rest(uid: number): void {
    this.#rested.add(uid);
    rmSync(join(this.#paths.quarantined, String(uid)), { force: true });
  }

  async quarantine(uid: number, { reason, user, session, waits }: Quarantine): Promise<void> {
    const entry = { uid, reason, user, session, waits };
    await replaceDurably(join(this.#paths.quarantined, String(uid)), JSON.stringify(entry));
  }

  /** An unreadable entry keeps its UID from being leased. */
  read(): KeptLeases {
    const quarantined = new Map(
      listUids(this.#paths.quarantined).map((uid) => [
        uid,
        readQuarantine(join(this.#paths.quarantined, String(uid)), uid),
      ]),
    );
    return { rested: this.#rested.read().filter((uid) => !quarantined.has(uid)), quarantined };
  }
}

const listUids = (directory: string) =>
  listNames(directory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function readQuarantine(file: string, uid: number): Quarantine {
  const unreadable = { reason: `${file} cannot be read`, user: "" };
  try {
    const entry = JSON.parse(readFileSync(file, "utf8")) as Partial<Quarantine> & { uid?: unknown };
    const { reason, user, session, waits } = entry;
    if (entry.uid !== uid || typeof reason !== "string" || typeof user !== "string") return unreadable;
    const more = { ...(typeof session === "string" ? { session } : {}), ...(waits === true ? { waits } : {}) };
    return { reason, user, ...more };
  } catch {
    return unreadable;
  }
}
