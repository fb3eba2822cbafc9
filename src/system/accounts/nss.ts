// Looks accounts up in the name service (NSS), through getent(1): Node has no call for it.
// At a login the account comes from PAM; this is for explanations, and for accounts that are to be made.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Account } from "../../policy/account.ts";

const run = promisify(execFile);
const GETENT = "/usr/bin/getent";
/** A login waits for it. */
const LIMIT_MS = 3000;

// No name that getent could take for an option.
const NAME = /^([A-Za-z_][A-Za-z0-9_.-]{0,255}|\d{1,10})$/;

/** The account of this name; undefined when there is none. */
export async function findAccount(name: string): Promise<Account | undefined> {
  if (/^\d/.test(name)) return undefined;
  const [user, , uid, gid, realName, home, shell] = (await getent("passwd", name))?.split(":") ?? [];
  if (user === undefined || uid === undefined || gid === undefined) return undefined;
  return { user, uid: Number(uid), gid: Number(gid), realName: realName ?? "", home: home ?? "", shell: shell ?? "" };
}

/** Whether the account is in the group, by its primary group or as a member. */
export async function isMember(account: Account, group: string): Promise<boolean> {
  const gid = await findGroup(group);
  if (gid === undefined) return false;
  if (gid === account.gid) return true;
  const groups = (await getent("initgroups", account.user))?.split(/\s+/).slice(1) ?? [];
  return groups.includes(String(gid));
}

/** The gid of a group; undefined when there is none of this name. */
export async function findGroup(group: string): Promise<number | undefined> {
  const gid = (await getent("group", group))?.split(":")[2];
  return gid === undefined ? undefined : Number(gid);
}

/**
 * Whose uid or name this is, in this order: where they belong to two users, the owner of the uid.
 * @param limitMs how long the name service may take: systemd has a say in it, and may be busy
 * @returns undefined when they belong to no user
 */
export async function findOwner(user: string, uid: number, limitMs = LIMIT_MS): Promise<string | undefined> {
  const [byName, byUid] = await Promise.all([getent("passwd", user, limitMs), getent("passwd", String(uid), limitMs)]);
  return (byUid ?? byName)?.split(":")[0];
}

async function getent(database: string, name: string, limitMs = LIMIT_MS): Promise<string | undefined> {
  if (!NAME.test(name)) return undefined;
  try {
    const { stdout } = await run(GETENT, [database, name], { timeout: limitMs, killSignal: "SIGKILL", env: {} });
    return stdout.split("\n")[0];
  } catch (error) {
    // getent(1): 2 means that the name is not there.
    if ((error as { code?: unknown }).code === 2) return undefined;
    throw error;
  }
}
