// What guestd asks of BlueZ, which it never starts.
import type { MessageBus } from "dbus-next";
import { nameExists } from "./caller.ts";
import { callMethod } from "./connection.ts";
import { unwrap } from "./values.ts";

const BLUEZ = "org.bluez";
const LIMIT_MS = 5000;

/** In the form AA:BB:CC:DD:EE:FF. */
export interface Pairing {
  readonly adapter: string;
  readonly device: string;
}

/** @throws Error if BlueZ refuses, or does not answer within 5 s */
export async function forgetPairing(bus: MessageBus, pairing: Pairing): Promise<void> {
  if (!(await nameExists(bus, BLUEZ))) return;
  const list = { path: "/", interface: "org.freedesktop.DBus.ObjectManager", member: "GetManagedObjects" };
  const [objects] = await callMethod(bus, { destination: BLUEZ, ...list }, LIMIT_MS);
  const found = findPaths(objects as Objects, pairing);
  if (found === undefined) return;
  const remove = { path: found.adapter, interface: "org.bluez.Adapter1", member: "RemoveDevice" };
  await callMethod(bus, { destination: BLUEZ, ...remove, signature: "o", body: [found.device] }, LIMIT_MS);
}

/** By path, then by interface. */
type Objects = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function findPaths(objects: Objects, { adapter, device }: Pairing): Pairing | undefined {
  const addressOf = (path: string, name: string) => unwrap(objects[path]?.[name])["Address"];
  const paths = Object.keys(objects);
  const adapterPath = paths.find((path) => addressOf(path, "org.bluez.Adapter1") === adapter);
  const devicePath = paths.find(
    (path) => path.startsWith(`${adapterPath}/`) && addressOf(path, "org.bluez.Device1") === device,
  );
  return adapterPath === undefined || devicePath === undefined
    ? undefined
    : { adapter: adapterPath, device: devicePath };
}
