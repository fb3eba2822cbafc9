// The accounts that guestd makes, published and taken back; and the ghost, where the one that comes along does not do.
// Which account is made for whom is policy.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/schema.ts";
import type { Account } from "../../policy/account.ts";
import type { KeptLeases, Quarantine } from "../../policy/lease.ts";
import { GHOST_UID } from "../../policy/lease.ts";
import type { Swept } from "../../policy/receipt.ts";
import type { SavedSession } from "../../policy/session.ts";
import { pathExists } from "../path-look.ts";
import { findAccount, findGroup, findOwner } from "./nss.ts";
import { LeaseStore } from "../state/lease-store.ts";
import { UidUse } from "./uid-use.ts";
import { UserRecords } from "./userdb.ts";

/** The machine as this sees it; tests give other paths, and other people. */
export interface LeaseMachine {
  readonly linger: string;
  readonly accounts: {
    readonly findAccount: typeof findAccount;
    readonly findGroup: typeof findGroup;
    readonly findOwner: typeof findOwner;
  };
  readonly homeExists: typeof pathExists;
  readonly uidUse: Pick<UidUse, "find" | "findLogin">;
}

const MACHINE: LeaseMachine = {
  linger: "/var/lib/systemd/linger",
  accounts: { findAccount, findGroup, findOwner },
  homeExists: pathExists,
  uidUse: new UidUse(),
};

/** It may go on: without the name of a guest nothing of the uid is looked for, or taken away. */
const UNCLEAR = "the record of its session could not be read";

/** For the name service, where no login waits for it. */
const PATIENCE_MS = 15_000;

export class Leases {
  readonly #userRecords: UserRecords;
  readonly #store: LeaseStore;
  readonly #machine: LeaseMachine;

  constructor(userRecords = new UserRecords(), store = new LeaseStore(), machine = MACHINE) {
    this.#userRecords = userRecords;
    this.#store = store;
    this.#machine = machine;
  }

  /**
   * Makes an account known, unless its name or uid is taken already, or in use, or its home is there: then says so, and by whom.
   * @throws Error when it cannot be told, or not be written
   */
  async publish(account: Account): Promise<{ readonly taken: string | undefined; readonly homeExists: boolean }> {
    const [owner, user, exists] = await Promise.all([
      this.#machine.accounts.findOwner(account.user, account.uid),
      this.#machine.uidUse.find(account.uid),
      this.#machine.homeExists(account.home),
    ]);
    const taken = owner ?? user;
    if (taken === undefined && !exists) this.#userRecords.publish(account);
    return { taken, homeExists: exists };
  }

  /** Writes down that a uid was given back. @param quarantine why it is not leased again */
  async saveUid(uid: number, quarantine: Quarantine | undefined): Promise<void> {
    if (quarantine === undefined) this.#store.rest(uid);
    else await this.#store.quarantine(uid, quarantine);
  }

  /** Whose a quarantined uid has become, if not its last guest's: nothing of theirs is to be taken away. */
  async findForeign({ user, uid }: Pick<Account, "user" | "uid">): Promise<string | undefined> {
    const { accounts, uidUse } = this.#machine;
    const owner = (await accounts.findOwner(user, uid, PATIENCE_MS)) ?? uidUse.findLogin(uid);
    return owner === user ? undefined : owner;
  }

  /** @throws Error where it has become another's */
  async checkForeign(account: Pick<Account, "user" | "uid">): Promise<void> {
    const owner = await this.findForeign(account);
    if (owner !== undefined) throw new Error(`the uid ${account.uid} belongs to ${owner}`);
  }

  /** Removes the mark that keeps a user manager while the user is not logged in: with it logind never forgets the user. */
  dropLinger({ user }: Pick<Account, "user">): Swept {
    const mark = join(this.#machine.linger, user);
    const found = existsSync(mark) ? 1 : 0;
    rmSync(mark, { force: true });
    return { kind: "linger", found, removed: found, left: [] };
  }

  /** Takes an account back. */
  withdraw(account: Pick<Account, "user" | "uid">): void {
    this.#userRecords.withdraw(account);
  }

  /**
   * At the start: publishes the accounts of the sessions that go on, and takes back all others.
   * @param unclear there may be sessions that cannot be told: then an account without one is kept, and its uid quarantined
   * @param over ids of those that have ended but for what is said of it
   * @returns the sessions, with what is known of their accounts; the uids that were given back, and those in quarantine
   */
  async recover(
    sessions: readonly SavedSession[],
    unclear: boolean,
    over: ReadonlySet<string> = new Set(),
  ): Promise<{ sessions: readonly SavedSession[]; kept: KeptLeases }> {
    this.#userRecords.sweep();
    const standing = this.#userRecords.list().filter(({ uid }) => uid !== GHOST_UID);
    const isOf = (session: SavedSession) => (account: { readonly user: string; readonly uid: number }) =>
      session.leased && session.account.uid === account.uid && session.account.user === account.user;
    const { quarantined } = this.#store.read();
    for (const account of standing.filter((one) => !sessions.some((session) => isOf(session)(one)))) {
      const isSaved = await this.#trySaveUid(
        account.uid,
        unclear ? { reason: UNCLEAR, user: "" } : quarantined.get(account.uid),
      );
      if (isSaved && !unclear) this.withdraw(account);
    }
    const recovered: SavedSession[] = [];
    for (const session of sessions) {
      const ends = session.phase === "ending" || over.has(session.id);
      recovered.push(session.leased ? await this.#restore(session, standing.some(isOf(session)), ends) : session);
    }
    return { sessions: recovered, kept: this.#store.read() };
  }

  // An account that stands keeps its uid from being leased, whatever could not be written.
  async #trySaveUid(uid: number, quarantine: Quarantine | undefined): Promise<boolean> {
    try {
      await this.saveUid(uid, quarantine);
      return true;
    } catch {
      return false;
    }
  }

  // An account that is not there, of a session that is not open, may never have been made, and its uid may belong to a user.
  // One that is there may lack its link by the uid. An end that has taken it back would not do so again.
  async #restore(session: SavedSession, stands: boolean, ends: boolean): Promise<SavedSession> {
    const isMade = stands || (session.phase === "open" && !ends);
    const { user, uid } = session.account;
    try {
      // What is at the path of its home may be of this session.
      const isFree = isMade || (await this.#machine.accounts.findOwner(user, uid)) === undefined;
      if (isFree && (stands || !ends)) this.#userRecords.publish(session.account);
      return { ...session, published: isFree };
    } catch {
      return isMade ? { ...session, published: true } : session;
    }
  }

  /** Makes the ghost known as it is configured, where it is not known so already; not while guestd is being installed or removed. */
  async publishGhost({ Guests: { Ghost, GhostName, Group, Shell } }: Config): Promise<void> {
    if (this.#userRecords.isMasked(GHOST_UID)) return;
    const { accounts } = this.#machine;
    const [gid, existing] = await Promise.all([accounts.findGroup(Group), accounts.findAccount(Ghost)]);
    const ghost = {
      user: Ghost,
      uid: GHOST_UID,
      gid: gid ?? 0,
      home: `/home/${Ghost}`,
      shell: Shell,
      realName: GhostName,
    };
    const isKnown =
      existing !== undefined && Object.entries(ghost).every(([key, value]) => existing[key as keyof Account] === value);
    // A ghost of root's own making, in /etc/passwd, is left to root.
    if (gid !== undefined && !isKnown && (existing === undefined || existing.uid === GHOST_UID))
      this.#userRecords.publish(ghost);
    for (const account of this.#userRecords.list())
      if (account.uid === GHOST_UID && account.user !== Ghost) this.#userRecords.withdraw(account);
  }
}
