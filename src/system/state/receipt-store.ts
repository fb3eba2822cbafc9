// Receipts, below /var/lib/guestd/receipts. Separate directories keep clean ones from pushing out dirty ones.
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { setImmediate as nextRound } from "node:timers/promises";
import type { Receipt, Swept } from "../../policy/receipt.ts";
import { isClean } from "../../policy/receipt.ts";
import { Lanes } from "../../lanes.ts";
import { readIfThere } from "../read-file.ts";
import { listNames, replaceDurably, UNFINISHED } from "../write-file.ts";
import { checkId, isId } from "./session-record.ts";

/** Reading so many takes about a millisecond. */
const READ_AT_ONCE = 32;

export class ReceiptStore {
  readonly #clean: string;
  readonly #dirty: string;
  // Where earlier versions put all receipts.
  readonly #earlier: string;
  // Logins wait for at most so many writes.
  readonly #writing = new Lanes(2);

  /** @param directory accessible to root only */
  constructor(directory = "/var/lib/guestd/receipts") {
    this.#clean = join(directory, "clean");
    this.#dirty = join(directory, "dirty");
    this.#earlier = directory;
  }

  /**
   * Saves a receipt. Failing to remove old ones is no error.
   * @param keep how many clean and how many dirty ones; the oldest are removed, several at a time
   */
  async keep(receipt: Receipt, keep: number): Promise<void> {
    await this.#writing.run(async () => {
      await this.#write(receipt);
      for (const directory of [this.#clean, this.#dirty]) prune(directory, keep, receipt.id);
    });
  }

  /** Changes a receipt that is still kept. */
  async amend(id: string, change: (receipt: Receipt) => Receipt): Promise<void> {
    await this.#writing.run(async () => {
      const receipt = isId(id) ? this.find(id) : undefined;
      if (receipt !== undefined) await this.#write(change(receipt));
    });
  }

  /** Undefined if missing or unreadable. */
  find(id: string): Receipt | undefined {
    for (const directory of this.#inOrder()) {
      const receipt = read(directory, id);
      if (receipt !== undefined) return receipt;
    }
    return undefined;
  }

  /** Newest first. */
  async list(): Promise<Receipt[]> {
    const receipts = new Map<string, Receipt>();
    const files = this.#inOrder().flatMap((directory) => listIds(directory).map((id) => ({ directory, id })));
    for (const [index, { directory, id }] of files.entries()) {
      // Other calls are answered in between.
      if (index % READ_AT_ONCE === 0) await nextRound();
      const receipt = receipts.has(id) ? undefined : (read(directory, id) ?? this.find(id));
      if (receipt !== undefined) receipts.set(id, receipt);
    }
    return [...receipts.values()].sort((a, b) => b.closedAt - a.closedAt);
  }

  /**
   * Before the first write: removes unfinished writes, and sorts earlier versions' receipts. Ignores a failing disk.
   */
  recover(): void {
    for (const directory of this.#inOrder())
      for (const name of listNames(directory)) if (name.endsWith(UNFINISHED)) remove(join(directory, name));
    const clean = new Set(listIds(this.#clean));
    // The power was cut during #write().
    for (const id of listIds(this.#dirty))
      if (clean.has(id) && read(this.#dirty, id) !== undefined) remove(fileOf(this.#clean, id));
    for (const receipt of readAll(this.#earlier)) this.#sort(receipt);
  }

  // A dirty receipt never becomes clean: of two, it is the later one.
  #inOrder(): string[] {
    return [this.#dirty, this.#clean, this.#earlier];
  }

  #placeOf(receipt: Receipt): string {
    return isClean(receipt) ? this.#clean : this.#dirty;
  }

  #sort(receipt: Receipt): void {
    const { id } = receipt;
    const isThere = read(this.#dirty, id) !== undefined || read(this.#clean, id) !== undefined;
    if (isThere) remove(fileOf(this.#earlier, id));
    else move(fileOf(this.#earlier, id), this.#placeOf(receipt));
  }

  // The others go only after the receipt is safe.
  async #write(receipt: Receipt): Promise<void> {
    const place = this.#placeOf(receipt);
    await replaceDurably(fileOf(place, receipt.id), JSON.stringify(receipt));
    for (const other of this.#inOrder().filter((directory) => directory !== place)) remove(fileOf(other, receipt.id));
  }
}

const fileOf = (directory: string, id: string): string => join(directory, `${checkId(id)}.json`);

const readAll = (directory: string): Receipt[] => listIds(directory).flatMap((id) => read(directory, id) ?? []);

function read(directory: string, id: string): Receipt | undefined {
  try {
    return parseReceipt(readIfThere(fileOf(directory, id)), id);
  } catch {
    return undefined;
  }
}

// Reading all ages takes time, so 10 % more are tolerated. The last receipt stays, whatever the clock says.
function prune(directory: string, keep: number, last: string): void {
  const ids = listIds(directory);
  if (ids.length <= keep * 1.1) return;
  const others = ids.filter((id) => id !== last);
  const files = others
    .map((id) => fileOf(directory, id))
    .map((file) => ({ file, written: statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
  const rest = keep - (ids.length - others.length);
  for (const { file } of files.sort((a, b) => b.written - a.written).slice(rest)) remove(file);
}

// Root may have other files there.
const listIds = (directory: string): string[] =>
  listNames(directory)
    .filter((name) => name.endsWith(".json"))
    .map((name) => basename(name, ".json"))
    .filter(isId);

// The file is not guestd's, or the disk fails. The next call tries again.
function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    return;
  }
}

function move(file: string, directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    renameSync(file, join(directory, basename(file)));
  } catch {
    return;
  }
}

function parseReceipt(text: string | undefined, id: string): Receipt | undefined {
  if (text === undefined) return undefined;
  // Earlier versions lack these fields.
  const receipt = { ...ADDED, ...(JSON.parse(text) as Receipt) };
  const { swept, left, unseen, foundLater } = receipt;
  const isGood =
    receipt.id === id &&
    TEXTS.every((key) => typeof receipt[key] === "string") &&
    NUMBERS.every((key) => isCount(receipt[key])) &&
    typeof receipt.leased === "boolean";
  const areTexts = [left, unseen, foundLater].every(isTexts);
  return isGood && areTexts && Array.isArray(swept) && swept.every(isSwept) ? receipt : undefined;
}

const ADDED: Pick<Receipt, "unseen" | "foundLater" | "clearedAt" | "terms" | "acceptedAt"> = {
  unseen: [],
  foundLater: [],
  clearedAt: 0,
  terms: "",
  acceptedAt: 0,
};
const TEXTS = ["user", "service", "cause", "terms"] as const;
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
  "acceptedAt",
] as const;

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === "string");
const isSwept = ({ kind, found, removed, left }: Swept) =>
  typeof kind === "string" && isCount(found) && isCount(removed) && isTexts(left);
