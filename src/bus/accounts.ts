// What guestd asks of AccountsService, which lists users for most greeters. guestd never starts it.
import dbus from "dbus-next";
import type { MessageBus } from "dbus-next";
import { callMethod } from "./connection.ts";

const ACCOUNTS = {
  destination: "org.freedesktop.Accounts",
  path: "/org/freedesktop/Accounts",
  interface: "org.freedesktop.Accounts",
  flags: dbus.MessageFlag.NO_AUTO_START,
} as const;
/** The end of a session waits for it. */
const LIMIT_MS = 2000;
const UNKNOWN = "org.freedesktop.Accounts.Error.UserDoesNotExist";
const ABSENT = ["org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.ServiceUnknown"];

/** @returns false if AccountsService is not running */
export const listUser = (bus: MessageBus, user: string): Promise<boolean> => tell(bus, "CacheUser", user);

/** @returns false if AccountsService is not running */
export const unlistUser = (bus: MessageBus, user: string): Promise<boolean> => tell(bus, "UncacheUser", user);

async function tell(bus: MessageBus, member: string, user: string): Promise<boolean> {
  try {
    await callMethod(bus, { ...ACCOUNTS, member, signature: "s", body: [user] }, LIMIT_MS);
    return true;
  } catch (error) {
    const isAbsent = (type: string) => ABSENT.includes(type) || (type === UNKNOWN && member === "UncacheUser");
    if (error instanceof dbus.DBusError && isAbsent(error.type)) return false;
    throw error;
  }
}
