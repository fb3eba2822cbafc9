import type { Message, MessageBus } from "dbus-next";
import { describe, expect, it } from "vitest";
import { reloadConnections } from "../../../src/bus/network-manager.ts";

function busWith(runs: boolean) {
  const calls: string[] = [];
  const call = ({ destination, member, body }: Message) => {
    calls.push([destination, member, ...(body as string[])].join(" "));
    return Promise.resolve({ body: [runs] });
  };
  return { bus: { call } as unknown as MessageBus, calls };
}

const LOOK = "org.freedesktop.DBus NameHasOwner org.freedesktop.NetworkManager";

describe("reloadConnections", () => {
  it("has NetworkManager reload its connections", async () => {
    const { bus, calls } = busWith(true);
    await reloadConnections(bus);
    expect(calls).toEqual([LOOK, "org.freedesktop.NetworkManager ReloadConnections"]);
  });

  it("does not start NetworkManager", async () => {
    const { bus, calls } = busWith(false);
    await reloadConnections(bus);
    expect(calls).toEqual([LOOK]);
  });
});
