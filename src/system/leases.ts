// The accounts that guestd makes, published and taken back; and the ghost, where the one that comes along does not do.
// Which account is made for whom is policy.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import type { Account } from "../policy/account.ts";
import type { Outcome, Subject } from "../policy/events.ts";
import type { LeasePool } from "../policy/lease.ts";
import { GHOST_UID } from "../policy/lease.ts";
import type { Session } from "../policy/session.ts";
import { findAccount, findGroup, findOwner } from "./accounts.ts";
import { LeaseStore } from "./lease-store.ts";
import { readIfThere } from "./read-file.ts";
import { UserRecords } from "./userdb.ts";

/** The machine as this sees it; tests give other places, and other people. */
export interface LeaseMachine {
  readonly linger: string;
  readonly runtime: string;
  readonly proc: string;
  readonly accounts: { readonly findAccount: typeof findAccount; readonly findGroup: typeof findGroup; readonly findOwner: typeof findOwner };
}

const MACHINE: LeaseMachine = { linger: "/var/lib/systemd/linger", runtime: "/run/user", proc: "/proc", accounts: { findAccount, findGroup, findOwner } };

export class Leases {
  readonly #records: UserRecords;
  readonly #store: LeaseStore;
  readonly #machine: LeaseMachine;

  constructor(records = new UserRecords(), store = new LeaseStore(), machine = MACHINE) {
    this.#records = records;
    this.#store = store;
    this.#machine = machine;
  }

  /**
   * Makes an account known, unless its name or uid is somebody's already: then says whose.
   * @throws Error when it cannot be told, or not be written
   */
  async publish(account: Account): Promise<Outcome> {
    const taken = await this.#machine.accounts.findOwner(account.user, account.uid);
    if (taken !== undefined) return { taken };
    this.#records.publish(account);
    return {};
  }

  /** Writes down that a uid was given back. @param quarantine why it is not to be handed out again */
  settle(uid: number, quarantine: string | undefined): void {
    this.#store.write({ uid, at: Number(process.hrtime.bigint() / 1000n), quarantine });
  }

  /** Takes an account back. */
  withdraw(account: Pick<Subject, "user" | "uid">): void {
    this.#records.withdraw(account);
  }

  /**
   * Removes the mark that keeps a user manager when nobody is logged in, and looks whether logind has cleaned up.
   * @throws Error naming what it has left
   */
  checkLogin({ user, uid }: Pick<Subject, "user" | "uid">): void {
    const { linger, runtime, proc } = this.#machine;
    rmSync(join(linger, user), { force: true });
    const directory = join(runtime, String(uid));
    if (existsSync(directory)) throw new Error(`${directory} is still there`);
    // logind has removed them (RemoveIPC=), unless it is told not to: the next of this uid would find them.
    for (const kind of ["shm", "sem", "msg"]) {
      const owned = countOwned(readIfThere(join(proc, "sysvipc", kind)) ?? "", uid);
      if (owned > 0) throw new Error(`${owned} of its IPC objects (${kind}) are still there`);
    }
  }

  /**
   * At the start: publishes the accounts of the sessions that go on, and takes back all others.
   * @param unclear there may be sessions that nobody can tell: then an account without one is kept, and its uid kept back
   * @returns the sessions, with what is known of their accounts; the uids that were given back, and those that are kept
   */
  async recover(sessions: readonly Session[], unclear: boolean): Promise<{ sessions: readonly Session[]; pool: LeasePool }> {
    this.#records.sweep();
    const standing = this.#records.list().filter(({ uid }) => uid !== GHOST_UID);
    const isOf = (session: Session) => (account: { readonly user: string; readonly uid: number }) =>
      session.leased && session.account.uid === account.uid && session.account.user === account.user;
    const { quarantined } = this.#store.read();
    for (const record of standing.filter((account) => !sessions.some((session) => isOf(session)(account)))) {
      this.settle(record.uid, unclear ? "the record of its session could not be read" : quarantined.get(record.uid));
      if (!unclear) this.withdraw(record);
    }
    const recovered: Session[] = [];
    for (const session of sessions) recovered.push(session.leased ? await this.#restore(session, standing.some(isOf(session))) : session);
    return { sessions: recovered, pool: this.#store.read() };
  }

  // An account that is not there, of a session that is not open, may never have been made, and its uid be somebody's.
  // One that is there may lack its link by the uid.
  async #restore(session: Session, stands: boolean): Promise<Session> {
    const isMade = stands || session.phase === "open";
    try {
      if (isMade) this.#records.publish(session.account);
      return { ...session, published: isMade || (await this.publish(session.account)).taken === undefined };
    } catch {
      return isMade ? { ...session, published: true } : session;
    }
  }

  /** Makes the ghost known as it is configured, where it is not known so already. */
  async publishGhost({ Guests: { Ghost, GhostName, Group, Shell } }: Config): Promise<void> {
    const { accounts } = this.#machine;
    const [gid, existing] = await Promise.all([accounts.findGroup(Group), accounts.findAccount(Ghost)]);
    const ghost = { user: Ghost, uid: GHOST_UID, gid: gid ?? 0, home: `/home/${Ghost}`, shell: Shell, realName: GhostName };
    const isKnown = existing !== undefined && Object.entries(ghost).every(([key, value]) => existing[key as keyof Account] === value);
    // A ghost of root's own making, in /etc/passwd, is left to root.
    if (gid !== undefined && !isKnown && (existing === undefined || existing.uid === GHOST_UID)) this.#records.publish(ghost);
    for (const record of this.#records.list()) if (record.uid === GHOST_UID && record.user !== Ghost) this.#records.withdraw(record);
  }
}

// proc_sysvipc(5): a line with the names of the columns, then one for each object.
function countOwned(table: string, uid: number): number {
  const [head = [], ...rows] = table.split("\n").map((line) => line.trim().split(/\s+/));
  const column = head.indexOf("uid");
  return rows.filter((row) => row[column] === String(uid)).length;
}
