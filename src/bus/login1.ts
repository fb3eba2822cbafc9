// What guestd asks of logind: that it has made a session, and where it put the leader. Every wait is bounded: a login
// must not hang on a logind that does.
import type { Message, MessageBus } from "dbus-next";
import { callMethod } from "./connection.ts";
import { unwrap } from "./values.ts";

const LOGIND = "org.freedesktop.login1";
const MANAGER = { destination: LOGIND, path: "/org/freedesktop/login1", interface: "org.freedesktop.login1.Manager" } as const;
const LIMIT_MS = 1000;
const SCOPE = /^session-[A-Za-z0-9]{1,32}\.scope$/;

/** Calls `onLogin` whenever logind makes a session: then it moves a leader. */
export async function watchLogins(bus: MessageBus, onLogin: () => void): Promise<void> {
  bus.on("message", ({ member, path, interface: from }: Message) => {
    if (member === "SessionNew" && path === MANAGER.path && from === MANAGER.interface) onLogin();
  });
  const rule = `type='signal',sender='${LOGIND}',interface='${MANAGER.interface}',member='SessionNew'`;
  const call = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };
  await callMethod(bus, { ...call, member: "AddMatch", signature: "s", body: [rule] }, LIMIT_MS);
}

/**
 * Path of the cgroup of the session that logind made for a leader which has ended since.
 * @param since microseconds of the monotonic clock: an older session was of another process with this pid
 * @returns undefined when logind has none, or does not answer
 */
export async function findLoginCgroup(bus: MessageBus, leader: number, since: number): Promise<string | undefined> {
  try {
    const [sessions] = await callMethod(bus, { ...MANAGER, member: "ListSessions" }, LIMIT_MS);
    const paths = (sessions as unknown[][]).map((session) => String(session[4]));
    const found = await Promise.all(paths.map((path) => readSession(bus, path)));
    return found.find((session) => session?.leader === leader && session.since >= since)?.cgroup;
  } catch {
    return undefined;
  }
}

async function readSession(bus: MessageBus, path: string): Promise<{ leader: number; since: number; cgroup: string } | undefined> {
  try {
    const call = { destination: LOGIND, path, interface: "org.freedesktop.DBus.Properties", member: "GetAll" };
    const [properties] = await callMethod(bus, { ...call, signature: "s", body: ["org.freedesktop.login1.Session"] }, LIMIT_MS);
    const { Leader: leader, Scope: scope, TimestampMonotonic: since, User: user } = unwrap(properties);
    const uid = Array.isArray(user) ? (user[0] as unknown) : undefined;
    if (typeof leader !== "number" || typeof uid !== "number" || typeof scope !== "string" || !SCOPE.test(scope)) return undefined;
    return { leader, since: Number(since), cgroup: `/user.slice/user-${uid}.slice/${scope}` };
  } catch {
    return undefined;
  }
}
