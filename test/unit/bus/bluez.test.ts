import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import { describe, expect, it } from "vitest";
import { forgetPairing } from "../../../src/bus/bluez.ts";

const { Variant } = dbus;
const [ADAPTER, OTHER, DEVICE] = ["00:1A:7D:DA:71:13", "00:1A:7D:DA:71:14", "C0:FF:EE:00:00:01"];

const named = (name: string, address: string) => ({ [name]: { Address: new Variant("s", address) } });
/** Both adapters know the same device. */
const OBJECTS = {
  "/org/bluez": {},
  "/org/bluez/hci0": named("org.bluez.Adapter1", OTHER),
  "/org/bluez/hci0/dev_C0_FF_EE_00_00_01": named("org.bluez.Device1", DEVICE),
  "/org/bluez/hci1": named("org.bluez.Adapter1", ADAPTER),
  "/org/bluez/hci1/dev_C0_FF_EE_00_00_01": named("org.bluez.Device1", DEVICE),
};

function busWith(runs: boolean) {
  const calls: string[] = [];
  const call = ({ path, member, body }: Message) => {
    calls.push([path, member, ...(body as string[])].join(" "));
    return Promise.resolve({ body: [member === "NameHasOwner" ? runs : OBJECTS] });
  };
  return { bus: { call } as unknown as MessageBus, calls };
}

describe("forgetPairing", () => {
  it("does not start BlueZ", async () => {
    const { bus, calls } = busWith(false);
    await forgetPairing(bus, { adapter: ADAPTER, device: DEVICE });
    expect(calls.join()).toMatch(/ NameHasOwner org\.bluez$/);
  });

  it("has the adapter of the pairing remove the device", async () => {
    const { bus, calls } = busWith(true);
    await forgetPairing(bus, { adapter: ADAPTER, device: DEVICE });
    expect(calls.slice(1)).toEqual([
      "/ GetManagedObjects",
      "/org/bluez/hci1 RemoveDevice /org/bluez/hci1/dev_C0_FF_EE_00_00_01",
    ]);
  });

  it.each([
    ["adapter", { adapter: "00:00:00:00:00:00", device: DEVICE }],
    ["device", { adapter: ADAPTER, device: "00:00:00:00:00:00" }],
  ])("removes nothing where BlueZ knows no such %s", async (_, pairing) => {
    const { bus, calls } = busWith(true);
    await forgetPairing(bus, pairing);
    expect(calls.slice(1)).toEqual(["/ GetManagedObjects"]);
  });
});
