// Looks accounts up in the name service (NSS), through getent(1): Node has no call for it.
// For explanations only: at a login the account comes from PAM.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Account } from "../policy/account.ts";

const run = promisify(execFile);
const GETENT = "/usr/bin/getent";
const LIMIT_MS = 3000;

// No name that getent could take for an option or a number.
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,255}$/;

/** The account of this name; undefined when there is none. */
export async function findAccount(name: string): Promise<Account | undefined> {
  const [user, , uid, gid, , home, shell] = (await getent("passwd", name))?.split(":") ?? [];
  if (user === undefined || uid === undefined || gid === undefined) return undefined;
  return { user, uid: Number(uid), gid: Number(gid), home: home ?? "", shell: shell ?? "" };
}

/** Whether the account is in the group, by its primary group or as a member. */
export async function isMember(account: Account, group: string): Promise<boolean> {
  const gid = (await getent("group", group))?.split(":")[2];
  if (gid === undefined) return false;
  if (Number(gid) === account.gid) return true;
  const groups = (await getent("initgroups", account.user))?.split(/\s+/).slice(1) ?? [];
  return groups.includes(gid);
}

async function getent(database: string, name: string): Promise<string | undefined> {
  if (!NAME.test(name)) return undefined;
  try {
    const { stdout } = await run(GETENT, [database, name], { timeout: LIMIT_MS, env: {} });
    return stdout.split("\n")[0];
  } catch (error) {
    // getent(1): 2 means that the name is not there.
    if ((error as { code?: unknown }).code === 2) return undefined;
    throw error;
  }
}
