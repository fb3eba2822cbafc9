// The accounts that guestd makes: JSON user records below /run/userdb (systemd.io/USER_RECORD), which nss-systemd reads
// without any service. Nothing is ever written to /etc/passwd, shadow or group.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Account } from "../../policy/account.ts";
import { listNames } from "../write-file.ts";

/** Marks a user record as guestd's own (field "service"). */
const OWNER = "org.guestd1";
/** Half of a leased account: its user record, or the link by its uid. */
const UNFINISHED = /^(guest-[a-z2-7]{4}|\d+)\.user\.new$/;
const PRIVILEGED = /^guest-[a-z2-7]{4}\.user-privileged$/;
// No password fits "*", as "!*", which it would be without this. But a password that begins with "!" is a locked one: accounts-daemon
// says so, and GDM does not list such users.
const NO_PASSWORD = '{ "privileged": { "hashedPassword": ["*"] } }\n';
const NAME = /^[a-z_][a-z0-9_.-]{0,31}$/i;

export class UserRecords {
  readonly #directory: string;
  readonly #etc: string;

  /**
   * @param directory of root, readable by all
   * @param etc that of the administrator and of the package, which stands over it
   */
  constructor(directory = "/run/userdb", etc = "/etc/userdb") {
    this.#directory = directory;
    this.#etc = etc;
  }

  /** Makes an account known, whole or not at all: first by its name, then by its uid. */
  publish({ user, uid, gid, home, shell, realName = user }: Account): void {
    const userRecord = {
      userName: user,
      uid,
      gid,
      realName,
      homeDirectory: home,
      shell,
      disposition: "regular",
      service: OWNER,
      // What logind does at the end of the last session: at once, and leaving no process.
      killProcesses: true,
      stopDelayUSec: 0,
    };
    mkdirSync(this.#directory, { recursive: true });
    chmodSync(this.#directory, 0o755);
    const file = this.#file(user);
    const temporary = `${file}.new`;
    writeFileSync(privilegedOf(file), NO_PASSWORD, { mode: 0o600 });
    writeFileSync(temporary, `${JSON.stringify(userRecord, undefined, 2)}\n`);
    chmodSync(temporary, 0o644);
    renameSync(temporary, file);
    this.#link(user, uid);
  }

  /** Makes an account unknown; no error when it is so already, or belongs to another service. */
  withdraw({ user, uid }: Pick<Account, "user" | "uid">): void {
    const file = this.#file(user);
    if (existsSync(file) && !readOwn(file).some((own) => own.uid === uid)) return;
    const link = join(this.#directory, `${uid}.user`);
    if (readLink(link) === `${user}.user`) rmSync(link, { force: true });
    rmSync(file, { force: true });
    rmSync(privilegedOf(file), { force: true });
  }

  /** Whether root wants no account to be known by this uid (a link to /dev/null, as for a unit that is masked). */
  isMasked(uid: number): boolean {
    return [this.#etc, this.#directory].some((directory) => readLink(join(directory, `${uid}.user`)) === "/dev/null");
  }

  /** Removes what a guestd leaves that was killed in the middle of publish(). */
  sweep(): void {
    for (const name of listNames(this.#directory)) {
      const path = join(this.#directory, name);
      const isAlone = PRIVILEGED.test(name) && !existsSync(path.replace(/-privileged$/, ""));
      if (UNFINISHED.test(name) || isAlone) rmSync(path, { force: true });
    }
  }

  /** The accounts that guestd has made, in this life or an earlier one. */
  list(): Pick<Account, "user" | "uid">[] {
    return listNames(this.#directory)
      .filter((name) => name.endsWith(".user") && readLink(join(this.#directory, name)) === undefined)
      .flatMap((name) => readOwn(join(this.#directory, name)));
  }

  #link(user: string, uid: number): void {
    const link = join(this.#directory, `${uid}.user`);
    rmSync(`${link}.new`, { force: true });
    symlinkSync(`${user}.user`, `${link}.new`);
    renameSync(`${link}.new`, link);
  }

  #file(user: string): string {
    if (!NAME.test(user)) throw new Error(`${JSON.stringify(user)} cannot be the name of an account`);
    return join(this.#directory, `${user}.user`);
  }
}

// The part of a user record that root alone reads (systemd.io/USER_RECORD): nss-systemd makes the entry in shadow from it.
const privilegedOf = (file: string): string => `${file}-privileged`;

// A user record that is no JSON, or of another service, is not guestd's.
function readOwn(file: string): Pick<Account, "user" | "uid">[] {
  try {
    const { userName, uid, service } = JSON.parse(readFileSync(file, "utf8")) as {
      userName?: unknown;
      uid?: unknown;
      service?: unknown;
    };
    return service === OWNER && typeof userName === "string" && typeof uid === "number"
      ? [{ user: userName, uid }]
      : [];
  } catch {
    return [];
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
