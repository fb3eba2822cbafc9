// Whether a user has a uid already that the name service may not know: an account of a directory that does not answer has
// none, and its owner is logged in all the same. Her uid is no guest's, whose end kills all that runs as it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Batch } from "../batch.ts";
import { searchAllMembers, type MemberCriteria, type Members } from "../processes/member-search.ts";

/** The machine as this sees it, but for tests. */
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
    // Not with the looks of ends, which may take longer.
    this.#members = new Batch(search);
  }

  /** The name of whom logind knows by this uid; undefined where it knows no such user. */
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
   * Who uses a uid, as the end of a sentence; undefined where no user does.
   * @throws Error when it cannot be told
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
