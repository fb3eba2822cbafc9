// What guestd asks of logind. Every wait has a limit: a hung logind must not block logins.
import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import { callMethod } from "./connection.ts";
import { BUS } from "./names.ts";
import { unwrap } from "./values.ts";

const LOGIND = "org.freedesktop.login1";
const MANAGER = {
  destination: LOGIND,
  path: "/org/freedesktop/login1",
  interface: "org.freedesktop.login1.Manager",
} as const;
/** Only ends of sessions wait for it. */
const LIMIT_MS = 10_000;
const SCOPE = /^session-[A-Za-z0-9]{1,32}\.scope$/;

/**
 * logind moves the leader of each new session: calls `onLogin` then.
 * @throws Error if the bus refuses the subscription
 */
export async function watchLogins(bus: MessageBus, onLogin: () => void): Promise<void> {
  bus.on("message", ({ member, path, interface: from }: Message) => {
    if (member === "SessionNew" && path === MANAGER.path && from === MANAGER.interface) onLogin();
  });
  const rule = `type='signal',sender='${LOGIND}',interface='${MANAGER.interface}',member='SessionNew'`;
  await callMethod(bus, { ...BUS, member: "AddMatch", signature: "s", body: [rule] }, LIMIT_MS);
}

export interface EndedLeader {
  readonly leader: number;
  readonly uid: number;
  /** Microseconds of the monotonic clock. Older sessions belong to another process with this PID. */
  readonly since: number;
}

/**
 * The cgroups of logind's sessions for ended leaders, in one query.
 * @returns a path for each; undefined if logind has none, or does not answer
 */
export async function findLoginCgroups(
  bus: MessageBus,
  leaders: readonly EndedLeader[],
): Promise<readonly (string | undefined)[]> {
  const logins = await listLogins(bus, new Set(leaders.map(({ uid }) => uid)));
  return leaders.map(
    ({ leader, uid, since }) =>
      logins.find((login) => login.leader === leader && login.uid === uid && login.since >= since)?.cgroup,
  );
}

interface Login extends EndedLeader {
  readonly cgroup: string;
}

/** Empty if logind does not answer. */
async function listLogins(bus: MessageBus, uids: ReadonlySet<number>): Promise<readonly Login[]> {
  try {
    const [sessions] = await callMethod(bus, { ...MANAGER, member: "ListSessions" }, LIMIT_MS);
    const paths = (sessions as unknown[][])
      .filter(([, uid]) => uids.has(Number(uid)))
      .map(([, , , , path]) => String(path));
    const logins = await Promise.all(paths.map((path) => readSession(bus, path)));
    return logins.filter((login) => login !== undefined);
  } catch {
    return [];
  }
}

async function readSession(bus: MessageBus, path: string): Promise<Login | undefined> {
  try {
    const call = { destination: LOGIND, path, interface: "org.freedesktop.DBus.Properties", member: "GetAll" };
    const [properties] = await callMethod(
      bus,
      { ...call, signature: "s", body: ["org.freedesktop.login1.Session"] },
      LIMIT_MS,
    );
    const { Leader: leader, Scope: scope, TimestampMonotonic: since, User: user } = unwrap(properties);
    const uid = Array.isArray(user) ? (user[0] as unknown) : undefined;
    if (typeof leader !== "number" || typeof uid !== "number" || typeof scope !== "string" || !SCOPE.test(scope))
      return undefined;
    return { leader, uid, since: Number(since), cgroup: `/user.slice/user-${uid}.slice/${scope}` };
  } catch {
    return undefined;
  }
}

/** No error if logind does not know the user. */
export async function terminateUser(bus: MessageBus, uid: number): Promise<void> {
  await ignoreUnknown(callMethod(bus, { ...MANAGER, member: "TerminateUser", signature: "u", body: [uid] }, LIMIT_MS));
}

/** logind has cleaned up (RemoveIPC=) once it has forgotten the user. */
export async function knowsUser(bus: MessageBus, uid: number): Promise<boolean> {
  return (
    (await ignoreUnknown(callMethod(bus, { ...MANAGER, member: "GetUser", signature: "u", body: [uid] }, LIMIT_MS))) !==
    undefined
  );
}

async function ignoreUnknown<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof dbus.DBusError && error.type === `${LOGIND}.NoSuchUser`) return undefined;
    throw error;
  }
}
