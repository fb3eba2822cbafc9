// The account that logs in, and which accounts can be guests.
import { refusal } from "./refusals.ts";

export interface Account {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  /** The name that greeters show. Only for leased accounts. */
  readonly realName?: string;
}

// System accounts end at 999 (Debian policy 9.2.2). 65534 is the overflow UID. 65535 and 2^32-1 mean "no uid" to some
// programs, and others take UIDs from 2^31 on for negative numbers.
const FIRST_UID = 1000;
const RESERVED_UIDS = new Set([65534, 65535]);
const LAST_UID = 2 ** 31 - 1;

// A tmpfs over one of these would hide the system from the login.
const SYSTEM_DIRECTORIES = new Set([
  ..."bin boot dev etc lib lib32 lib64 libx32 proc root run sbin sys usr".split(" "),
]);

const UNPRINTABLE = /[\u0000-\u001f\u007f]/;

/**
 * Returns why the account cannot be a guest's, as a sentence. The name is never used in a path or command, but must not
 * break a line.
 */
export function findAccountFault(account: Account): string | undefined {
  const { user, uid, gid, home } = account;
  if (user === "" || user.length > 256 || UNPRINTABLE.test(user)) return refusal("accountName");
  if (!isGuestUid(uid) || gid === 0) return refusal("systemAccount");
  if (!isHomePath(home)) return refusal("accountHome", { home: quote(home) });
  return undefined;
}

export function isGuestUid(uid: number): boolean {
  return Number.isInteger(uid) && uid >= FIRST_UID && uid <= LAST_UID && !RESERVED_UIDS.has(uid);
}

function isHomePath(home: string): boolean {
  if (!home.startsWith("/") || home.length > 1024 || UNPRINTABLE.test(home)) return false;
  const parts = home.slice(1).split("/");
  if (parts.length < 2 || parts.some((part) => part === "" || part === "." || part === "..")) return false;
  return !SYSTEM_DIRECTORIES.has(parts[0] ?? "");
}

const quote = (text: string) => JSON.stringify(text.slice(0, 80));
