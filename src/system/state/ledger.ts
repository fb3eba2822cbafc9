// What must outlive a power cut of sessions that are open, below /var/lib/guestd, of root alone: open/ID.json for each; rejected/ID.json
// is what could not be read. What it means is policy; what is kept of those that have ended is receipt-store.ts.
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { SavedSession } from "../../policy/session.ts";
import { checkId, formatRecord, parseRecord } from "./session-record.ts";
import { listNames, replaceDurably, UNFINISHED } from "../write-file.ts";

/** A session that was open when it was entered. */
export interface Entry {
  readonly session: SavedSession;
  /** The machine was not restarted since. */
  readonly isOfThisBoot: boolean;
}

export class Ledger {
  readonly #open: string;
  readonly #rejected: string;
  readonly #boot: string;

  /**
   * @param directory of root alone
   * @param boot of this boot of the machine (random(4), boot_id)
   */
  constructor(directory = "/var/lib/guestd", boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) {
    this.#open = join(directory, "open");
    this.#rejected = join(directory, "rejected");
    this.#boot = boot;
  }

  /** Writes down a session that opens. */
  async enter(session: SavedSession): Promise<void> {
    await replaceDurably(this.#entry(session.id), formatRecord(session, this.#boot));
  }

  /** Removes the entry of a session whose receipt is written; no error when there is none. */
  leave(id: string): void {
    rmSync(this.#entry(id), { force: true });
  }

  /** Reads all entries. What cannot be read is set aside; half of a write is removed. */
  recover(): {
    readonly entries: readonly Entry[];
    readonly rejected: readonly { readonly file: string; readonly reason: string }[];
  } {
    for (const name of listNames(this.#open))
      if (name.endsWith(UNFINISHED)) rmSync(join(this.#open, name), { force: true });
    const entries: Entry[] = [];
    const rejected: { file: string; reason: string }[] = [];
    for (const name of listNames(this.#open).filter((candidate) => candidate.endsWith(".json"))) {
      const file = join(this.#open, name);
      try {
        const { session, boot } = parseRecord(readFileSync(file, "utf8"), basename(name, ".json"));
        entries.push({ session, isOfThisBoot: boot === this.#boot });
      } catch (error) {
        mkdirSync(this.#rejected, { recursive: true, mode: 0o700 });
        renameSync(file, join(this.#rejected, name));
        rejected.push({ file, reason: (error as Error).message });
      }
    }
    return { entries, rejected };
  }

  #entry(id: string): string {
    return join(this.#open, `${checkId(id)}.json`);
  }
}
