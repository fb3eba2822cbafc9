// Publishes and withdraws leased accounts, and the ghost if the packaged record does not fit.
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

/** The session may continue. Without its guest's name, nothing of the UID is searched. */
const UNCLEAR = "the record of its session could not be read";

/** When no login waits. */
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
   * Makes an account known, unless its name, UID or home is taken.
   * @returns who has the name or UID, and whether the home exists
   * @throws Error if this is unknown, or the record cannot be written
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

  /** @param quarantine why the UID is not leased again */
  async saveUid(uid: number, quarantine: Quarantine | undefined): Promise<void> {
    if (quarantine === undefined) this.#store.rest(uid);
    else await this.#store.quarantine(uid, quarantine);
  }

  /** Returns the user who has a quarantined UID now, except its last guest. Nothing of theirs may be removed. */
  async findForeign({ user, uid }: Pick<Account, "user" | "uid">): Promise<string | undefined> {
    const { accounts, uidUse } = this.#machine;
    const owner = (await accounts.findOwner(user, uid, PATIENCE_MS)) ?? uidUse.findLogin(uid);
    return owner === user ? undefined : owner;
  }

  /** @throws Error if another user has the UID now */
  async checkForeign(account: Pick<Account, "user" | "uid">): Promise<void> {
    const owner = await this.findForeign(account);
    if (owner !== undefined) throw new Error(`the uid ${account.uid} belongs to ${owner}`);
  }

  /** The mark would keep logind from forgetting the user. */
  dropLinger({ user }: Pick<Account, "user">): Swept {
    const mark = join(this.#machine.linger, user);
    const found = existsSync(mark) ? 1 : 0;
    rmSync(mark, { force: true });
    return { kind: "linger", found, removed: found, left: [] };
  }

  withdraw(account: Pick<Account, "user" | "uid">): void {
    this.#userRecords.withdraw(account);
  }

  /**
   * At the start: publishes accounts of continuing sessions, and withdraws others.
   * @param unclear some records are unreadable: accounts without a session stay, and their UIDs are quarantined
   * @param over ids of sessions that ended but are not announced
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

  // An account that stays keeps its UID from being leased.
  async #trySaveUid(uid: number, quarantine: Quarantine | undefined): Promise<boolean> {
    try {
      await this.saveUid(uid, quarantine);
      return true;
    } catch {
      return false;
    }
  }

  // If the session is not open and its account is missing, it may never have been made, and the UID may be a user's. An
  // existing account may lack its link by UID. No account is withdrawn twice.
  async #restore(session: SavedSession, stands: boolean, ends: boolean): Promise<SavedSession> {
    const isMade = stands || (session.phase === "open" && !ends);
    const { user, uid } = session.account;
    try {
      // Something at its home's path may be from this session.
      const isFree = isMade || (await this.#machine.accounts.findOwner(user, uid)) === undefined;
      if (isFree && (stands || !ends)) this.#userRecords.publish(session.account);
      return { ...session, published: isFree };
    } catch {
      return isMade ? { ...session, published: true } : session;
    }
  }

  /** Publishes an unknown ghost, but not while guestd is installed or removed. */
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
    // Root may have made a ghost in /etc/passwd.
    if (gid !== undefined && !isKnown && (existing === undefined || existing.uid === GHOST_UID))
      this.#userRecords.publish(ghost);
    for (const account of this.#userRecords.list())
      if (account.uid === GHOST_UID && account.user !== Ghost) this.#userRecords.withdraw(account);
  }
}
