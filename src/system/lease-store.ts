// Which uids have been given back and when, and which are not handed out again: one small file each, for a guestd that
// starts again. What they mean is policy/lease.ts.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LeasePool } from "../policy/lease.ts";

interface Entry {
  readonly uid: number;
  /** Microseconds of the monotonic clock. */
  readonly at: number;
  /** Why the uid is not handed out; undefined when it is. */
  readonly quarantine?: string | undefined;
}

export class LeaseStore {
  readonly #directory: string;

  /** @param directory of root alone */
  constructor(directory = "/run/guestd/leases") {
    this.#directory = directory;
  }

  /** Writes down that a uid was given back, or why it is kept. */
  write(entry: Entry): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const file = join(this.#directory, String(entry.uid));
    writeFileSync(`${file}.new`, JSON.stringify(entry), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** What was written down. An entry that cannot be read keeps its uid from being handed out. */
  read(): LeasePool {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const entries = readdirSync(this.#directory).filter((name) => /^\d+$/.test(name)).map((name) => readEntry(join(this.#directory, name), Number(name)));
    const rested = entries.filter(({ quarantine }) => quarantine === undefined).sort((a, b) => a.at - b.at);
    return {
      rested: rested.map(({ uid }) => uid),
      quarantined: new Map(entries.flatMap(({ uid, quarantine }) => (quarantine === undefined ? [] : [[uid, quarantine]]))),
    };
  }
}

function readEntry(file: string, uid: number): Entry {
  const unreadable = { uid, at: 0, quarantine: `${file} cannot be read` };
  try {
    const entry = JSON.parse(readFileSync(file, "utf8")) as Partial<Entry>;
    const isGood = entry.uid === uid && Number.isFinite(entry.at) && (entry.quarantine === undefined || typeof entry.quarantine === "string");
    return isGood ? (entry as Entry) : unreadable;
  } catch {
    return unreadable;
  }
}
