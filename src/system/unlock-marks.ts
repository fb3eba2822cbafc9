// Makes an empty file for each guest who may unlock the screen. A screen lock runs as its guest, without privileges, so
// pam/unlock_mark.c looks for the file.
import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listNames } from "./write-file.ts";

export class UnlockMarks {
  readonly #directory: string;

  /** @param directory owned by root; users can look for a UID's mark, but cannot list marks */
  constructor(directory = "/run/guestd-unlock") {
    this.#directory = directory;
  }

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

  /** No error if there is no mark. */
  remove(uid: number): void {
    rmSync(this.#file(uid), { force: true });
  }

  list(): number[] {
    return listNames(this.#directory)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }

  #file(uid: number): string {
    return join(this.#directory, String(uid));
  }
}
