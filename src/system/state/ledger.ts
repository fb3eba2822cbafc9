// What must outlive a power cut, below /var/lib/guestd, of root alone: open/ID.json for each session that is open, and
// receipts/ID.json for the last of those that have ended; rejected/ID.json is what could not be read. What it means is policy.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Receipt, Swept } from "../../policy/receipt.ts";
import type { SavedSession } from "../../policy/session.ts";
import { Lanes } from "../lanes.ts";
import { readIfThere } from "../read-file.ts";
import { checkId, formatRecord, isId, parseRecord } from "./session-record.ts";
import { listNames, replaceDurably, UNFINISHED } from "../write-file.ts";

/** A session that was open when it was entered. */
export interface Entry {
  readonly session: SavedSession;
  /** The machine was not restarted since. */
  readonly isOfThisBoot: boolean;
}

export class Ledger {
  readonly #open: string;
  readonly #receipts: string;
  readonly #rejected: string;
  readonly #boot: string;
  // Many sessions end at once. A login that waits for the disk waits for these few writes, not for all of them.
  readonly #writing = new Lanes(2);

  /**
   * @param directory of root alone
   * @param boot of this boot of the machine (random(4), boot_id)
   */
  constructor(directory = "/var/lib/guestd", boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) {
    this.#open = join(directory, "open");
    this.#receipts = join(directory, "receipts");
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

  /**
   * Keeps a receipt. One that cannot be taken away is no fault of it.
   * @param keep how many there are to be at most: the oldest go, some at a time
   */
  async keepReceipt(receipt: Receipt, keep: number): Promise<void> {
    await this.#writing.run(async () => {
      await replaceDurably(this.#receipt(receipt.id), JSON.stringify(receipt));
      this.#prune(keep, receipt.id);
    });
  }

  /** Changes a receipt after a later look; nothing where it is not kept any more. */
  async amend(id: string, change: (receipt: Receipt) => Receipt): Promise<void> {
    const receipt = isId(id) ? this.find(id) : undefined;
    if (receipt !== undefined) await replaceDurably(this.#receipt(id), JSON.stringify(change(receipt)));
  }

  /** The receipt of a session; undefined when there is none, or it cannot be read. */
  find(id: string): Receipt | undefined {
    try {
      return parseReceipt(readIfThere(this.#receipt(id)), id);
    } catch {
      return undefined;
    }
  }

  /** All receipts that are kept, the last one first. */
  list(): Receipt[] {
    const receipts = this.#listReceipts().flatMap((id) => this.find(id) ?? []);
    return receipts.sort((a, b) => b.closedAt - a.closedAt);
  }

  /** Reads all entries. What cannot be read is set aside; half of a write is removed. */
  recover(): {
    readonly entries: readonly Entry[];
    readonly rejected: readonly { readonly file: string; readonly reason: string }[];
  } {
    for (const directory of [this.#open, this.#receipts]) {
      for (const name of listNames(directory))
        if (name.endsWith(UNFINISHED)) rmSync(join(directory, name), { force: true });
    }
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

  // Looking at how old each of them is takes time: a tenth more than there are to be is none of anybody's business.
  // The last one stays, whatever the clock says.
  #prune(keep: number, last: string): void {
    const ids = this.#listReceipts();
    if (ids.length <= keep * 1.1) return;
    const files = ids
      .filter((id) => id !== last)
      .map((id) => this.#receipt(id))
      .map((file) => ({ file, written: statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
    for (const { file } of files.sort((a, b) => b.written - a.written).slice(keep - 1)) {
      try {
        rmSync(file, { force: true });
      } catch {
        // Not what guestd has written, or a disk that fails at that: the next one tries again.
      }
    }
  }

  #listReceipts(): string[] {
    // What root has put there beside them is left to him.
    return listNames(this.#receipts)
      .filter((name) => name.endsWith(".json"))
      .map((name) => basename(name, ".json"))
      .filter(isId);
  }

  #entry(id: string): string {
    return join(this.#open, `${checkId(id)}.json`);
  }

  #receipt(id: string): string {
    return join(this.#receipts, `${checkId(id)}.json`);
  }
}

function parseReceipt(text: string | undefined, id: string): Receipt | undefined {
  if (text === undefined) return undefined;
  // One of an earlier version says nothing of later looks.
  const receipt = { ...LATER_LOOKS, ...(JSON.parse(text) as Receipt) };
  const { swept, left, unseen, foundLater } = receipt;
  const isGood =
    receipt.id === id &&
    TEXTS.every((key) => typeof receipt[key] === "string") &&
    NUMBERS.every((key) => isCount(receipt[key])) &&
    typeof receipt.leased === "boolean";
  const areTexts = [left, unseen, foundLater].every(isTexts);
  return isGood && areTexts && Array.isArray(swept) && swept.every(isSwept) ? receipt : undefined;
}

const LATER_LOOKS: Pick<Receipt, "unseen" | "foundLater" | "clearedAt"> = { unseen: [], foundLater: [], clearedAt: 0 };
const TEXTS = ["user", "service", "cause"] as const;
const NUMBERS = [
  "uid",
  "leader",
  "openedAt",
  "closedAt",
  "seconds",
  "endMilliseconds",
  "processesKilled",
  "tmpfsBytes",
  "clearedAt",
] as const;

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === "string");
const isSwept = ({ kind, found, removed, left }: Swept) =>
  typeof kind === "string" && isCount(found) && isCount(removed) && isTexts(left);
