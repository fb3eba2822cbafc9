// What must survive a power cut, below /var/lib/guestd: open/ID.json, and rejected/ID.json for unreadable entries.
// Policy interprets it.
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { SavedSession } from "../../policy/session.ts";
import { checkId, formatRecord, parseRecord } from "./session-record.ts";
import { listNames, replaceDurably, UNFINISHED } from "../write-file.ts";

export interface Entry {
  readonly session: SavedSession;
  /** Not restarted since. */
  readonly isOfThisBoot: boolean;
}

export class Ledger {
  readonly #open: string;
  readonly #rejected: string;
  readonly #boot: string;

  /**
   * @param directory accessible to root only
   * @param boot id of this boot (random(4), boot_id)
   */
  constructor(directory = "/var/lib/guestd", boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) {
    this.#open = join(directory, "open");
    this.#rejected = join(directory, "rejected");
    this.#boot = boot;
  }

  async enter(session: SavedSession): Promise<void> {
    await replaceDurably(this.#entry(session.id), formatRecord(session, this.#boot));
  }

  /** Removes the entry of a session with a receipt. No error if there is none. */
  leave(id: string): void {
    rmSync(this.#entry(id), { force: true });
  }

  /** Sets unreadable entries aside, and removes unfinished writes. */
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
