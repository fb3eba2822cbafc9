// The records of open sessions, for a guestd that starts again: sessions/ID.json below /run/guestd, private.
// A record is checked as if a stranger had written it; one that cannot be read is set aside, never guessed at.
// Beside it, for accounts that sessions share, unmanaged/UID/ID: while such a directory is not empty, systemd starts no
// user manager for the account (systemd/user@.service.d/guestd.conf), which would run outside their views (CVE-2017-8900).
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Cgroup, Session } from "../policy/session.ts";
import { isSessionPath, NOTHING_FOUND } from "../policy/session.ts";

const VERSION = 2;
const ID = /^[a-z0-9]{1,64}$/;
const REJECTED = ".json.rejected";
const MOST_BYTES = 1024 * 1024;

export interface Recovered {
  readonly sessions: readonly Session[];
  /** Files that were set aside, each with the reason. */
  readonly rejected: readonly { readonly file: string; readonly reason: string }[];
  /** Ids of sessions whose records were set aside, now or earlier: they may go on. */
  readonly unclear: ReadonlySet<string>;
}

export class SessionStore {
  readonly #records: string;
  readonly #unmanaged: string;

  /** @param directory of root alone */
  constructor(directory = "/run/guestd") {
    this.#records = join(directory, "sessions");
    this.#unmanaged = join(directory, "unmanaged");
  }

  /** Writes the record of a session, so that a reader finds the old one or the new one, whole. */
  write(session: Session): void {
    mkdirSync(this.#records, { recursive: true, mode: 0o700 });
    if (!session.leased) this.#forbidManager(session);
    const temporary = `${this.#file(session.id)}.new`;
    writeFileSync(temporary, JSON.stringify({ version: VERSION, session }), { mode: 0o600 });
    renameSync(temporary, this.#file(session.id));
  }

  #forbidManager(session: Session): void {
    const mark = this.#mark(session);
    mkdirSync(dirname(mark), { recursive: true, mode: 0o700 });
    writeFileSync(mark, "", { mode: 0o600 });
  }

  /** Removes the record of a session; no error when there is none. */
  remove(id: string, uid: number): void {
    rmSync(this.#mark({ id, account: { uid } }), { force: true });
    removeIfEmpty(join(this.#unmanaged, String(uid)));
    rmSync(this.#file(id), { force: true });
  }

  /** Reads all records. What cannot be read is renamed to NAME.rejected; half of a write() is removed. */
  recover(): Recovered {
    for (const directory of [this.#records, this.#unmanaged]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    const sessions: Session[] = [];
    const rejected: { file: string; reason: string }[] = [];
    for (const name of list(this.#records).filter((candidate) => candidate.endsWith(".json"))) {
      const file = join(this.#records, name);
      try {
        sessions.push(readRecord(readFileSync(file, "utf8"), name));
      } catch (error) {
        renameSync(file, `${file}.rejected`);
        rejected.push({ file, reason: (error as Error).message });
      }
    }
    // Of a record that cannot be read nothing is concluded: its session may go on.
    const unclear = new Set(list(this.#records).filter((name) => name.endsWith(REJECTED)).map((name) => basename(name, REJECTED)));
    this.#sweep(new Set([...sessions.map(({ id }) => id), ...unclear]));
    return { sessions, rejected, unclear };
  }

  // What a guestd leaves that was killed in the middle of write().
  #sweep(ids: ReadonlySet<string>): void {
    for (const name of list(this.#records)) if (name.endsWith(".new")) rmSync(join(this.#records, name));
    for (const uid of list(this.#unmanaged)) {
      const directory = join(this.#unmanaged, uid);
      for (const id of list(directory)) if (!ids.has(id)) rmSync(join(directory, id));
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

function checkId(id: string): string {
  if (!ID.test(id)) throw new Error(`"${id}" is not a session's id`);
  return id;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

function isCgroup(cgroup: unknown, session: Session): boolean {
  const { path, inode } = cgroup as Partial<Cgroup>;
  return typeof path === "string" && isSessionPath(path, session) && /^\d+$/.test(String(inode));
}

const isPositive = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;

// Only what ending the session needs is believed; calls of the old guestd wait for no answer any more, and
// its descriptors are gone with it.
function readRecord(text: string, name: string): Session {
  if (text.length > MOST_BYTES) throw new Error("is too large");
  const record = JSON.parse(text) as { version?: unknown; session?: Session };
  if (record.version !== VERSION) throw new Error(`has version ${String(record.version)}, expected ${VERSION}`);
  const session = record.session;
  if (session === undefined || `${session.id}.json` !== name || !ID.test(session.id)) throw new Error("names another session");
  const { leader, account, leased, openedAt, openedUptime, limits, phase } = session;
  if (![leader.pid, leader.startTime, account.uid, openedAt, openedUptime].every(isPositive)) throw new Error("lacks a number");
  if (typeof leased !== "boolean" || typeof limits !== "object") throw new Error("lacks what sort of account it has");
  if (phase !== "allocated" && phase !== "open") throw new Error("stands nowhere");
  if (!Array.isArray(session.cgroups) || !session.cgroups.every((cgroup) => isCgroup(cgroup, session))) throw new Error("lacks its cgroups");
  if (phase === "open") checkView(session);
  const { openCall: _gone, ...rest } = session;
  return { ...rest, endCalls: [], found: NOTHING_FOUND };
}

function checkView({ view, plan, leased }: Session): void {
  if (!isPositive(view?.inode) || !Array.isArray(view?.devices) || !Array.isArray(plan)) throw new Error("lacks its view");
  const { isolation } = view;
  if (leased ? isolation !== undefined : isolation === undefined) throw new Error("has a view of the other sort of account");
  if (isolation === undefined) return;
  const { reaper, processes, ipc } = isolation;
  if (![reaper.pid, reaper.startTime, processes.inode, ipc.inode].every(isPositive)) throw new Error("lacks its namespaces");
}
