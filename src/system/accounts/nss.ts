// Looks up accounts in the name service (NSS) through getent(1), for explanations and for accounts that will be made.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Account } from "../../policy/account.ts";

const run = promisify(execFile);
const GETENT = "/usr/bin/getent";
const ID = "/usr/bin/id";
/** A login waits for it. */
const LIMIT_MS = 3000;

/** What getent(1) takes for a UID, even if a user has this name. */
const NUMBER = /^\s*[+-]?\d+$/;

/** A directory service may have names such as "1234567" and "bob@uni.example". */
export async function findAccount(name: string): Promise<Account | undefined> {
  const isNumber = NUMBER.test(name);
  const key = isNumber ? await findUid(name) : name;
  if (key === undefined) return undefined;
  const [user, , uid, gid, realName, home, shell] = (await getent("passwd", key))?.split(":") ?? [];
  if (user === undefined || uid === undefined || gid === undefined) return undefined;
  // Only checked for numbers: a directory service may return a name in another case.
  if (isNumber && user !== name) return undefined;
  return { user, uid: Number(uid), gid: Number(gid), realName: realName ?? "", home: home ?? "", shell: shell ?? "" };
}

/** As its primary group or as a member. */
export async function isMember(account: Account, group: string): Promise<boolean> {
  const gid = await findGroup(group);
  if (gid === undefined) return false;
  if (gid === account.gid) return true;
  const groups = (await getent("initgroups", account.user))?.split(/\s+/).slice(1) ?? [];
  return groups.includes(String(gid));
}

/** Undefined if there is none. */
export async function findGroup(group: string): Promise<number | undefined> {
  const gid = (await getent("group", group))?.split(":")[2];
  return gid === undefined ? undefined : Number(gid);
}

/** As in the group's entry. */
export async function listMembers(group: string): Promise<readonly string[]> {
  const names = (await getent("group", group))?.split(":")[3] ?? "";
  return names.split(",").filter((name) => name !== "");
}

/** Empty if one of the groups has no name. */
export async function findGroups({ user }: Pick<Account, "user">): Promise<readonly string[]> {
  const names = (await ask([ID, "-G", "-n", "-z", "--", user], 1)) ?? "";
  return names.split("\0").filter((name) => name !== "");
}

/**
 * Who has this UID or name. If these are two users, the owner of the UID.
 * @param limitMs for the name service: systemd takes part, and may be busy
 */
export async function findOwner(user: string, uid: number, limitMs = LIMIT_MS): Promise<string | undefined> {
  const [byName, byUid] = await Promise.all([getent("passwd", user, limitMs), getent("passwd", String(uid), limitMs)]);
  return (byUid ?? byName)?.split(":")[0];
}

/** id(1) takes a name for a UID only if no user has it. */
const findUid = (name: string) => ask([ID, "-u", "--", name], 1);

/** getent(1): 2 means not found. */
const getent = (database: string, name: string, limitMs = LIMIT_MS) => ask([GETENT, "--", database, name], 2, limitMs);

/**
 * The first line of a program's output.
 * @param absent the exit status for "not found", for which undefined is returned
 * @throws Error if the program fails otherwise, or is late
 */
export async function ask(
  [program, ...args]: readonly [string, ...string[]],
  absent: number,
  limitMs = LIMIT_MS,
): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, args, { timeout: limitMs, killSignal: "SIGKILL", env: {} });
    return stdout.split("\n")[0];
  } catch (error) {
    const { code, killed } = error as { readonly code?: unknown; readonly killed?: boolean };
    if (code === absent) return undefined;
    if (killed !== true) throw error;
    const limit = `${limitMs / 1000} s`;
    throw new Error(`the name service has not answered in ${limit}; see whether sssd or nslcd is up`, { cause: error });
  }
}
