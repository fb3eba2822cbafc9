// Whether a user has a UID that the name service does not report: a directory service may not answer while its user is
// logged in. A guest must not get that UID, because the end kills all processes with it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Batch } from "../batch.ts";
import { searchAllMembers, type MemberCriteria, type Members } from "../processes/member-search.ts";

/** Tests pass another machine. */
export interface UidUseParts {
  readonly search: (sets: readonly MemberCriteria[]) => Promise<readonly Members[]>;
  /** /run */
  readonly run: string;
}

/** A login waits for it. */
const LIMIT_MS = 2000;

const PARTS: UidUseParts = {
  search: (sets) => searchAllMembers(sets, { limitMs: LIMIT_MS }),
  run: "/run",
};

export class UidUse {
  readonly #run: string;
  readonly #members: Batch<MemberCriteria, Members>;

  constructor({ search, run }: UidUseParts = PARTS) {
    this.#run = run;
    // Separate from the looks of ends, which may take longer.
    this.#members = new Batch(search);
  }

  /** The user with this UID who is logged in, as far as logind knows. */
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
   * Who uses a UID, as the end of a sentence.
   * @throws Error if this cannot be determined
   */
  async find(uid: number): Promise<string | undefined> {
    const login = this.findLogin(uid);
    if (login !== undefined) return login;
    const directory = join(this.#run, "user", String(uid));
    if (existsSync(directory)) return `the owner of ${directory}`;
    const { pids, whole } = await this.#members.ask({ view: undefined, uid });
    if (pids[0] !== undefined) return `the owner of process ${pids[0]}`;
    if (!whole) throw new Error(`whether a process runs as the uid ${uid} could not be told in time`);
    return undefined;
  }
}
