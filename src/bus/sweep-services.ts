// Services that keep something for guests, as a sweep asks them.
import type { MessageBus } from "dbus-next";
import type { Pairing } from "./bluez.ts";
import { forgetPairing } from "./bluez.ts";
import { reloadConnections } from "./network-manager.ts";

export const sweepServices = (bus: MessageBus) => ({
  reloadConnections: () => reloadConnections(bus),
  forgetPairing: (pairing: Pairing) => forgetPairing(bus, pairing),
});
