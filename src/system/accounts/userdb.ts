// guestd's accounts: JSON user records below /run/userdb (systemd.io/USER_RECORD), which nss-systemd reads without a
// service. Never writes to /etc/passwd, shadow or group.
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

/** Marks guestd's user records (field "service"). */
const OWNER = "org.guestd1";
/** Half of an account: its user record, or the link by UID. */
const UNFINISHED = /^(guest-[a-z2-7]{4}|\d+)\.user\.new$/;
const PRIVILEGED = /^guest-[a-z2-7]{4}\.user-privileged$/;
// No password matches "*". In nss-systemd's default "!*", accounts-daemon takes "!" for a locked account, and GDM does
// not list it.
const NO_PASSWORD = '{ "privileged": { "hashedPassword": ["*"] } }\n';
const NAME = /^[a-z_][a-z0-9_.-]{0,31}$/i;

export class UserRecords {
  readonly #directory: string;
  readonly #etc: string;

  /**
   * @param directory owned by root, readable by all
   * @param etc takes precedence
   */
  constructor(directory = "/run/userdb", etc = "/etc/userdb") {
    this.#directory = directory;
    this.#etc = etc;
  }

  /** Makes an account known, completely or not at all: by name, then by UID. */
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
      // As logind does after the last session, but at once and completely.
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

  /** No error if the account is unknown, or another service's. */
  withdraw({ user, uid }: Pick<Account, "user" | "uid">): void {
    const file = this.#file(user);
    if (existsSync(file) && !readOwn(file).some((own) => own.uid === uid)) return;
    const link = join(this.#directory, `${uid}.user`);
    if (readLink(link) === `${user}.user`) rmSync(link, { force: true });
    rmSync(file, { force: true });
    rmSync(privilegedOf(file), { force: true });
  }

  /** Whether root has masked this UID with a link to /dev/null. */
  isMasked(uid: number): boolean {
    return [this.#etc, this.#directory].some((directory) => readLink(join(directory, `${uid}.user`)) === "/dev/null");
  }

  /** Removes what an interrupted publish() left. */
  sweep(): void {
    for (const name of listNames(this.#directory)) {
      const path = join(this.#directory, name);
      const isAlone = PRIVILEGED.test(name) && !existsSync(path.replace(/-privileged$/, ""));
      if (UNFINISHED.test(name) || isAlone) rmSync(path, { force: true });
    }
  }

  /** Returns accounts made by any guestd. */
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

// Only root can read it (systemd.io/USER_RECORD). nss-systemd makes the shadow entry from it.
const privilegedOf = (file: string): string => `${file}-privileged`;

// A user record that is not JSON is not guestd's.
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
