// The records of open sessions, for a guestd that starts again: /run/guestd/sessions/ID.json, private.
// A record is checked as if a stranger had written it; one that cannot be read is set aside, never guessed at.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Session } from "../policy/session.ts";
import { NOTHING_FOUND } from "../policy/session.ts";

const VERSION = 1;
const ID = /^[a-z0-9]{1,64}$/;
const MOST_BYTES = 1024 * 1024;

export interface Recovered {
  readonly sessions: readonly Session[];
  /** Files that were set aside, each with the reason. */
  readonly rejected: readonly { readonly file: string; readonly reason: string }[];
}

export class SessionStore {
  readonly #directory: string;

  /** @param directory of root alone; made when it is missing */
  constructor(directory = "/run/guestd/sessions") {
    this.#directory = directory;
  }

  /** Writes the record of a session, so that a reader finds the old one or the new one, whole. */
  write(session: Session): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = `${this.#file(session.id)}.new`;
    writeFileSync(temporary, JSON.stringify({ version: VERSION, session }), { mode: 0o600, flush: true });
    renameSync(temporary, this.#file(session.id));
  }

  /** Removes the record of a session; no error when there is none. */
  remove(id: string): void {
    rmSync(this.#file(id), { force: true });
  }

  /** Reads all records. What cannot be read is renamed to NAME.rejected. */
  recover(): Recovered {
    const sessions: Session[] = [];
    const rejected: { file: string; reason: string }[] = [];
    for (const name of this.#list()) {
      const file = join(this.#directory, name);
      try {
        sessions.push(readRecord(readFileSync(file, "utf8"), name));
      } catch (error) {
        renameSync(file, `${file}.rejected`);
        rejected.push({ file, reason: (error as Error).message });
      }
    }
    return { sessions, rejected };
  }

  #list(): string[] {
    try {
      return readdirSync(this.#directory).filter((name) => name.endsWith(".json"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  #file(id: string): string {
    if (!ID.test(id)) throw new Error(`"${id}" is not a session's id`);
    return join(this.#directory, `${id}.json`);
  }
}

// Only what ending the session needs is believed; calls of the old guestd wait for no answer any more, and
// its descriptors are gone with it.
function readRecord(text: string, name: string): Session {
  if (text.length > MOST_BYTES) throw new Error("is too large");
  const record = JSON.parse(text) as { version?: unknown; session?: Session };
  if (record.version !== VERSION) throw new Error(`has version ${String(record.version)}, expected ${VERSION}`);
  const session = record.session;
  if (session === undefined || `${session.id}.json` !== name || !ID.test(session.id)) throw new Error("names another session");
  const numbers = [session.leader.pid, session.leader.startTime, session.account.uid, session.openedAt, session.view?.inode];
  if (!numbers.every((value) => Number.isSafeInteger(value) && Number(value) > 0)) throw new Error("lacks a number");
  if (!Array.isArray(session.view?.devices) || !Array.isArray(session.plan)) throw new Error("lacks its view");
  const { openCall: _gone, ...rest } = session;
  return { ...rest, phase: "open", endCalls: [], found: NOTHING_FOUND };
}
