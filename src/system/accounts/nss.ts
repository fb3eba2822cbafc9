// Looks up accounts (NSS) for explanations and new accounts. PAM gives a login its account.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Account } from "../../policy/account.ts";
import { LIMIT_MS, Lookup } from "./lookup.ts";

const run = promisify(execFile);
const ID = "/usr/bin/id";

type Names = Pick<Lookup, "ask">;

const lookup = new Lookup();

export async function findAccount(name: string, names: Names = lookup): Promise<Account | undefined> {
  const [user, , uid, gid, realName, home, shell] = (await names.ask(`passwd ${name}`))?.split(":") ?? [];
  if (user === undefined || uid === undefined || gid === undefined) return undefined;
  return { user, uid: Number(uid), gid: Number(gid), realName: realName ?? "", home: home ?? "", shell: shell ?? "" };
}

/** Whether the group is the account's primary one, or lists it as a member. */
export async function isMember(account: Account, group: string, names: Names = lookup): Promise<boolean> {
  const gid = await findGroup(group, names);
  if (gid === undefined) return false;
  const groups = (await names.ask(`groups ${account.gid} ${account.user}`))?.split(" ") ?? [];
  return groups.includes(String(gid));
}

/** Returns the GID. */
export async function findGroup(group: string, names: Names = lookup): Promise<number | undefined> {
  const gid = (await names.ask(`group ${group}`))?.split(":")[2];
  return gid === undefined ? undefined : Number(gid);
}

/** Returns the members in a group's entry. */
export async function listMembers(group: string, names: Names = lookup): Promise<readonly string[]> {
  const members = (await names.ask(`group ${group}`))?.split(":")[3] ?? "";
  return members.split(",").filter((name) => name !== "");
}

/** Returns the names of all groups; none if one is unknown. */
export async function findGroups({ user }: Pick<Account, "user">): Promise<readonly string[]> {
  const options = { timeout: LIMIT_MS, killSignal: "SIGKILL", env: {} } as const;
  try {
    const { stdout } = await run(ID, ["-G", "-n", "-z", "--", user], options);
    return stdout.split("\0").filter((name) => name !== "");
  } catch (error) {
    // id(1): the user, or the name of a group, is unknown.
    if ((error as { readonly code?: unknown }).code === 1) return [];
    throw error;
  }
}

/**
 * If UID and name belong to two users, returns the owner of the UID.
 * @param limitMs for the name service; systemd takes part, and may be busy
 */
export async function findOwner(user: string, uid: number, limitMs = LIMIT_MS): Promise<string | undefined> {
  const [byName, byUid] = await Promise.all([lookup.ask(`passwd ${user}`, limitMs), lookup.ask(`uid ${uid}`, limitMs)]);
  return (byUid ?? byName)?.split(":")[0];
}

/**
 * Finds a process with this UID as one of its four.
 * @throws Error if not all could be looked at within the limit
 */
export async function findProcess(uid: number, limitMs: number): Promise<number | undefined> {
  const late = (limit: string) => `not all processes could be looked at in ${limit}`;
  const pid = await lookup.ask(`runs ${uid}`, limitMs, late);
  return pid === undefined ? undefined : Number(pid);
}
