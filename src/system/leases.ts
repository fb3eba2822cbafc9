// The accounts that guestd makes, published and taken back; and the ghost, where the one that is shipped does not do.
// Which account is made for whom is policy.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import type { Account } from "../policy/account.ts";
import type { Outcome, Subject } from "../policy/events.ts";
import type { LeasePool } from "../policy/lease.ts";
import { GHOST_UID } from "../policy/lease.ts";
import type { Session } from "../policy/session.ts";
import { findAccount, findGroup, findOwner } from "./accounts.ts";
import { LeaseStore } from "./lease-store.ts";
import { UserRecords } from "./userdb.ts";

const SHIPPED_GHOST = "/usr/lib/userdb/guest.user";
const LINGER = "/var/lib/systemd/linger";
const RUNTIME = "/run/user";

export class Leases {
  readonly #records: UserRecords;
  readonly #store: LeaseStore;

  constructor(records = new UserRecords(), store = new LeaseStore()) {
    this.#records = records;
    this.#store = store;
  }

  /**
   * Makes an account known, unless its name or uid is somebody's already: then says whose.
   * @throws Error when it cannot be told, or not be written
   */
  async publish(account: Account): Promise<Outcome> {
    const taken = await findOwner(account.user, account.uid);
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
    rmSync(join(LINGER, user), { force: true });
    const runtime = join(RUNTIME, String(uid));
    if (existsSync(runtime)) throw new Error(`${runtime} is still there`);
  }

  /**
   * At the start: publishes the accounts of the sessions that go on, and takes back all others.
   * @returns the sessions, with what is known of their accounts; the uids that were given back, and those that are kept
   */
  async recover(sessions: readonly Session[]): Promise<{ sessions: readonly Session[]; pool: LeasePool }> {
    const standing = this.#records.list().filter(({ uid }) => uid !== GHOST_UID);
    const isOf = (session: Session) => (account: { readonly user: string; readonly uid: number }) =>
      session.leased && session.account.uid === account.uid && session.account.user === account.user;
    const { quarantined } = this.#store.read();
    for (const record of standing.filter((account) => !sessions.some((session) => isOf(session)(account)))) {
      this.settle(record.uid, quarantined.get(record.uid));
      this.withdraw(record);
    }
    const recovered: Session[] = [];
    for (const session of sessions) recovered.push(session.leased ? await this.#restore(session, standing.some(isOf(session))) : session);
    return { sessions: recovered, pool: this.#store.read() };
  }

  // An account that is not there, of a session that is not open, may never have been made, and its uid be somebody's.
  async #restore(session: Session, stands: boolean): Promise<Session> {
    if (!stands && session.phase === "open") this.#records.publish(session.account);
    if (stands || session.phase === "open") return { ...session, published: true };
    try {
      return { ...session, published: (await this.publish(session.account)).taken === undefined };
    } catch {
      return session;
    }
  }

  /** Makes the ghost known as it is configured, where the record that is shipped says something else. */
  async publishGhost({ Guests: { Ghost, GhostName, Group, Shell } }: Config): Promise<void> {
    const gid = await findGroup(Group);
    const own = this.#records.list().filter(({ uid }) => uid === GHOST_UID);
    const existing = await findAccount(Ghost);
    const isSomebody = existing !== undefined && existing.uid !== GHOST_UID;
    const isNeeded = gid !== undefined && !isSomebody && !isShipped(Ghost, GhostName, gid, Shell);
    if (isNeeded) this.#records.publish({ user: Ghost, uid: GHOST_UID, gid, home: `/home/${Ghost}`, shell: Shell, realName: GhostName });
    for (const record of own) if (!isNeeded || record.user !== Ghost) this.#records.withdraw(record);
  }
}

function isShipped(user: string, name: string, gid: number, shell: string): boolean {
  try {
    const record = JSON.parse(readFileSync(SHIPPED_GHOST, "utf8")) as Record<string, unknown>;
    return record["userName"] === user && record["realName"] === name && record["gid"] === gid && record["shell"] === shell;
  } catch {
    return false;
  }
}
