// Saves which UIDs were given back, the latest last. policy/lease.ts interprets it.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { listNames, replaceFile } from "../write-file.ts";

/** With the newline. A line that was cut short is overwritten. */
const LINE_BYTES = 11;
const formatLine = (uid: number) => `${String(uid).padStart(LINE_BYTES - 1)}\n`;

export class RestedUids {
  readonly #file: string;
  readonly #earlier: string;

  /**
   * @param file in a directory accessible to root only
   * @param earlier directory where earlier versions had a file for each UID
   */
  constructor(file: string, earlier: string) {
    this.#file = file;
    this.#earlier = earlier;
  }

  add(uid: number): void {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    const fd = openSync(this.#file, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      const { size } = fstatSync(fd);
      writeSync(fd, formatLine(uid), size - (size % LINE_BYTES));
    } finally {
      closeSync(fd);
    }
  }

  /** The earliest first. Skips invalid lines. */
  read(): number[] {
    this.#takeOver();
    const lines = readText(this.#file).match(/^ *\d+\n/gm) ?? [];
    // The last time a UID was given back counts.
    const uids = [...new Set(lines.map(Number).reverse())].reverse();
    if (lines.length > 2 * uids.length) this.#write(uids);
    return uids;
  }

  #write(uids: readonly number[]): void {
    replaceFile(this.#file, uids.map(formatLine).join(""));
  }

  #takeOver(): void {
    const names = listNames(this.#earlier).filter((name) => /^\d+$/.test(name));
    if (names.length > 0 && !existsSync(this.#file)) {
      const entries = names.map((name) => ({ uid: Number(name), at: readTime(join(this.#earlier, name)) }));
      this.#write(entries.sort((a, b) => a.at - b.at).map(({ uid }) => uid));
    }
    if (names.length > 0) rmSync(this.#earlier, { recursive: true });
  }
}

// Without the order, all UIDs count as unused.
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

// Without the time, the UID was still given back.
function readTime(file: string): number {
  try {
    const { at } = JSON.parse(readFileSync(file, "utf8")) as { at?: unknown };
    return typeof at === "number" ? at : 0;
  } catch {
    return 0;
  }
}
