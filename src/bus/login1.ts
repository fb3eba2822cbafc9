// What guestd asks of logind: which unit it made for a leader. Every wait is bounded: a login must not hang on a
// logind that does.
import type { Message, MessageBus } from "dbus-next";
import { callMethod } from "./connection.ts";
import { unwrap } from "./values.ts";

const LOGIND = "org.freedesktop.login1";
const MANAGER = { destination: LOGIND, path: "/org/freedesktop/login1", interface: "org.freedesktop.login1.Manager" } as const;
const LIMIT_MS = 1000;
const SCOPE = /^session-[A-Za-z0-9]{1,32}\.scope$/;

/** A session of logind: its leader, and the unit its processes are in. */
export interface LoginSession {
  readonly leader: number;
  readonly scope: string;
}

/**
 * Tells of each session that logind makes from now on.
 * @param onSession called with the leader and the scope; a session that is gone already is passed over
 */
export async function watchLogins(bus: MessageBus, onSession: (session: LoginSession) => void): Promise<void> {
  bus.on("message", (message: Message) => {
    if (message.member !== "SessionNew" || message.path !== MANAGER.path) return;
    const path = (message.body as unknown[])[1];
    void readSession(bus, String(path)).then((session) => {
      if (session !== undefined) onSession(session);
    });
  });
  const rule = `type='signal',sender='${LOGIND}',interface='${MANAGER.interface}',member='SessionNew'`;
  const call = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };
  await callMethod(bus, { ...call, member: "AddMatch", signature: "s", body: [rule] }, LIMIT_MS);
}

/** The unit of the session whose leader is this process; undefined when logind has none, or does not answer. */
export async function findScope(bus: MessageBus, leader: number): Promise<string | undefined> {
  try {
    const [sessions] = await callMethod(bus, { ...MANAGER, member: "ListSessions" }, LIMIT_MS);
    const paths = (sessions as unknown[][]).map((session) => String(session[4]));
    const found = await Promise.all(paths.map((path) => readSession(bus, path)));
    return found.find((session) => session?.leader === leader)?.scope;
  } catch {
    return undefined;
  }
}

async function readSession(bus: MessageBus, path: string): Promise<LoginSession | undefined> {
  try {
    const call = { destination: LOGIND, path, interface: "org.freedesktop.DBus.Properties", member: "GetAll" };
    const [properties] = await callMethod(bus, { ...call, signature: "s", body: ["org.freedesktop.login1.Session"] }, LIMIT_MS);
    const { Leader: leader, Scope: scope } = unwrap(properties) as { Leader?: unknown; Scope?: unknown };
    return typeof leader === "number" && typeof scope === "string" && SCOPE.test(scope) ? { leader, scope } : undefined;
  } catch {
    return undefined;
  }
}
