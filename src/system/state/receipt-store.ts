// The receipts of sessions that have ended, below /var/lib/guestd/receipts, of root alone: clean/ID.json and dirty/ID.json. They are
// apart so that however many are clean, none of the others has to go for them. What they mean is policy.
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Receipt, Swept } from "../../policy/receipt.ts";
import { isClean } from "../../policy/receipt.ts";
import { Lanes } from "../lanes.ts";
import { readIfThere } from "../read-file.ts";
import { listNames, replaceDurably, UNFINISHED } from "../write-file.ts";
import { checkId, isId } from "./session-record.ts";

export class ReceiptStore {
  readonly #clean: string;
  readonly #dirty: string;
  // Where earlier versions put all of them.
  readonly #earlier: string;
  // Many sessions end at once. A login that waits for the disk waits for these few writes, not for all of them.
  readonly #writing = new Lanes(2);

  /** @param directory of root alone */
  constructor(directory = "/var/lib/guestd/receipts") {
    this.#clean = join(directory, "clean");
    this.#dirty = join(directory, "dirty");
    this.#earlier = directory;
  }

  /**
   * Keeps a receipt. One that cannot be taken away is no fault of it.
   * @param keep how many there are to be at most of those that are clean, and of the others: the oldest go, some at a time
   */
  async keep(receipt: Receipt, keep: number): Promise<void> {
    await this.#writing.run(async () => {
      await this.#write(receipt);
      for (const directory of [this.#clean, this.#dirty]) prune(directory, keep, receipt.id);
    });
  }

  /** Changes a receipt after a later look; nothing where it is not kept any more. */
  async amend(id: string, change: (receipt: Receipt) => Receipt): Promise<void> {
    await this.#writing.run(async () => {
      const receipt = isId(id) ? this.find(id) : undefined;
      if (receipt !== undefined) await this.#write(change(receipt));
    });
  }

  /** The receipt of a session; undefined when there is none, or it cannot be read. */
  find(id: string): Receipt | undefined {
    for (const directory of this.#inOrder()) {
      const receipt = read(directory, id);
      if (receipt !== undefined) return receipt;
    }
    return undefined;
  }

  /** All receipts that are kept, the last one first. */
  list(): Receipt[] {
    const receipts = new Map<string, Receipt>();
    for (const receipt of this.#inOrder().flatMap(readAll))
      if (!receipts.has(receipt.id)) receipts.set(receipt.id, receipt);
    return [...receipts.values()].sort((a, b) => b.closedAt - a.closedAt);
  }

  /** Before anything is written: removes halves of writes, and puts each receipt where it belongs. What the disk fails at is left. */
  recover(): void {
    for (const directory of this.#inOrder())
      for (const name of listNames(directory)) if (name.endsWith(UNFINISHED)) remove(join(directory, name));
    const clean = new Set(listIds(this.#clean));
    // The power went between the two steps of #write().
    for (const id of listIds(this.#dirty))
      if (clean.has(id) && read(this.#dirty, id) !== undefined) remove(fileOf(this.#clean, id));
    for (const receipt of readAll(this.#earlier)) this.#sort(receipt);
  }

  // A receipt that is not clean never becomes clean again: of two that a power cut has left, that one is the later.
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

  // First it is safe in its place, then it is taken from the others.
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

// Looking at how old each of them is takes time: a tenth more than there are to be is none of anybody's business.
// The last one stays, whatever the clock says.
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

// What root has put there beside them is left to them.
const listIds = (directory: string): string[] =>
  listNames(directory)
    .filter((name) => name.endsWith(".json"))
    .map((name) => basename(name, ".json"))
    .filter(isId);

// What fails here is not what guestd has written, or a disk that fails at that: the next one tries again.
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
  // One of an earlier version says nothing of these.
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
