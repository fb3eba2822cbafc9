// Records of open sessions, for a guestd that restarts: sessions/ID.json below /run/guestd. A file in unmanaged/UID
// keeps systemd from starting a user manager for a shared account, outside the views
// (systemd/user@.service.d/guestd.conf, CVE-2017-8900).
import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { SavedSession } from "../../policy/session.ts";
import { checkId, formatRecord, parseRecord } from "./session-record.ts";
import { listNames, replaceFile, UNFINISHED } from "../write-file.ts";

const REJECTED = ".json.rejected";

export interface Recovered {
  readonly sessions: readonly SavedSession[];
  readonly rejected: readonly { readonly file: string; readonly reason: string }[];
  /** Ids of sessions whose records are set aside. They may still run. */
  readonly unclear: ReadonlySet<string>;
}

export class SessionStore {
  readonly #records: string;
  readonly #unmanaged: string;

  /** @param directory accessible to root only */
  constructor(directory = "/run/guestd") {
    this.#records = join(directory, "sessions");
    this.#unmanaged = join(directory, "unmanaged");
  }

  /** Atomic: a reader finds the old record or the new one. */
  write(session: SavedSession): void {
    if (!session.leased) this.#forbidManager(session);
    replaceFile(this.#file(session.id), formatRecord(session));
  }

  #forbidManager(session: SavedSession): void {
    const mark = this.#mark(session);
    mkdirSync(dirname(mark), { recursive: true, mode: 0o700 });
    writeFileSync(mark, "", { mode: 0o600 });
  }

  /** Removes a record, also one that was set aside. No error if there is none. */
  remove(id: string, uid: number): void {
    rmSync(this.#mark({ id, account: { uid } }), { force: true });
    removeIfEmpty(join(this.#unmanaged, String(uid)));
    rmSync(`${this.#file(id)}.rejected`, { force: true });
    rmSync(this.#file(id), { force: true });
  }

  /** Renames unreadable records to NAME.rejected, and removes unfinished writes. */
  recover(): Recovered {
    for (const directory of [this.#records, this.#unmanaged]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    const sessions: SavedSession[] = [];
    const rejected: { file: string; reason: string }[] = [];
    for (const name of listNames(this.#records).filter((candidate) => candidate.endsWith(".json"))) {
      const file = join(this.#records, name);
      try {
        sessions.push(parseRecord(readFileSync(file, "utf8"), basename(name, ".json")).session);
      } catch (error) {
        renameSync(file, `${file}.rejected`);
        rejected.push({ file, reason: (error as Error).message });
      }
    }
    // An unreadable record proves nothing: its session may still run.
    const unclear = new Set(
      listNames(this.#records)
        .filter((name) => name.endsWith(REJECTED))
        .map((name) => basename(name, REJECTED)),
    );
    this.#sweep(new Set([...sessions.map(({ id }) => id), ...unclear]));
    return { sessions, rejected, unclear };
  }

  // Removes what an interrupted write() left.
  #sweep(ids: ReadonlySet<string>): void {
    for (const name of listNames(this.#records)) if (name.endsWith(UNFINISHED)) rmSync(join(this.#records, name));
    for (const uid of listNames(this.#unmanaged)) {
      const directory = join(this.#unmanaged, uid);
      for (const id of listNames(directory)) if (!ids.has(id)) rmSync(join(directory, id));
      removeIfEmpty(directory);
    }
  }

  #file(id: string): string {
    return join(this.#records, `${checkId(id)}.json`);
  }

  #mark({ id, account }: { readonly id: string; readonly account: { readonly uid: number } }): string {
    return join(this.#unmanaged, String(account.uid), checkId(id));
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
