// Whether a user has a UID that a silent directory service does not report. A guest must not get it: the end kills all
// its processes.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findProcess } from "./nss.ts";

export interface UidUseParts {
  readonly findProcess: typeof findProcess;
  /** /run */
  readonly run: string;
}

/** A login waits for it. */
const LIMIT_MS = 2000;

const PARTS: UidUseParts = { findProcess, run: "/run" };

export class UidUse {
  readonly #run: string;
  readonly #findProcess: UidUseParts["findProcess"];

  constructor(parts: UidUseParts = PARTS) {
    this.#run = parts.run;
    this.#findProcess = parts.findProcess;
  }

  /** Returns the user with this UID who is logged in, from logind. */
  findLogin(uid: number): string | undefined {
    try {
      const state = readFileSync(join(this.#run, "systemd/users", String(uid)), "utf8");
      return /^NAME=(.+)$/m.exec(state)?.[1] ?? "a user of logind's";
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /**
   * Returns who uses a UID, as the end of a sentence.
   * @throws Error if this is unknown
   */
  async find(uid: number): Promise<string | undefined> {
    const login = this.findLogin(uid);
    if (login !== undefined) return login;
    const directory = join(this.#run, "user", String(uid));
    if (existsSync(directory)) return `the owner of ${directory}`;
    const pid = await this.#findProcess(uid, LIMIT_MS);
    return pid === undefined ? undefined : `the owner of process ${pid}`;
  }
}
