// What guestd asks of the bus itself.
import type { MessageBus } from "dbus-next";
import { callMethod } from "./connection.ts";

const BUS = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
} as const;
const LIMIT_MS = 5000;

/** @throws Error if it refuses, or does not answer within 5 s */
export async function reloadPolicy(bus: MessageBus): Promise<void> {
  await callMethod(bus, { ...BUS, member: "ReloadConfig" }, LIMIT_MS);
}
