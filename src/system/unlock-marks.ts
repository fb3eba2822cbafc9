// The marks of guests who may unlock their screen: an empty file of root's for each uid. A screen lock runs as its guest, who can
// call nobody who may do anything: pam/unlock_mark.c looks whether the mark is there.
import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listNames } from "./write-file.ts";

export class UnlockMarks {
  readonly #directory: string;

  /** @param directory of root's; who knows a uid may look for its mark, and nobody else sees who is there */
  constructor(directory = "/run/guestd-unlock") {
    this.#directory = directory;
  }

  /** Makes the mark. @returns whether it was not there */
  make(uid: number): { readonly made: boolean } {
    mkdirSync(this.#directory, { recursive: true });
    chmodSync(this.#directory, 0o711);
    try {
      closeSync(openSync(this.#file(uid), "wx", 0o600));
      return { made: true };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return { made: false };
      throw error;
    }
  }

  /** Removes the mark; no error when there is none. */
  remove(uid: number): void {
    rmSync(this.#file(uid), { force: true });
  }

  /** The uids that have one. */
  list(): number[] {
    return listNames(this.#directory)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }

  #file(uid: number): string {
    return join(this.#directory, String(uid));
  }
}
