// What guestd asks of NetworkManager, which it never starts.
import type { MessageBus } from "dbus-next";
import { nameExists } from "./caller.ts";
import { callMethod } from "./connection.ts";

const NETWORK_MANAGER = "org.freedesktop.NetworkManager";
const SETTINGS = {
  destination: NETWORK_MANAGER,
  path: "/org/freedesktop/NetworkManager/Settings",
  interface: `${NETWORK_MANAGER}.Settings`,
} as const;
const LIMIT_MS = 5000;

/** Makes it forget connections without files. @throws Error if it refuses, or does not answer within 5 s */
export async function reloadConnections(bus: MessageBus): Promise<void> {
  if (await nameExists(bus, NETWORK_MANAGER))
    await callMethod(bus, { ...SETTINGS, member: "ReloadConnections" }, LIMIT_MS);
}
