import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import { describe, expect, it } from "vitest";
import { listUser, unlistUser } from "../../../src/bus/accounts.ts";

/** A bus with an AccountsService, and its calls. */
function busWith(answer: () => Promise<unknown>) {
  const calls: Message[] = [];
  const call = (message: Message) => {
    calls.push(message);
    return answer();
  };
  return { bus: { call } as unknown as MessageBus, calls };
}

const failing = (type: string) => busWith(() => Promise.reject(new dbus.DBusError(type, "no"))).bus;

describe.each([
  ["listUser", listUser, "CacheUser"],
  ["unlistUser", unlistUser, "UncacheUser"],
] as const)("%s", (_, tell, member) => {
  it("names the user to AccountsService, and does not start it", async () => {
    const { bus, calls } = busWith(() => Promise.resolve({ body: [] }));
    expect(await tell(bus, "guest-k3f9")).toBe(true);
    expect(calls).toMatchObject([
      { destination: "org.freedesktop.Accounts", member, body: ["guest-k3f9"], flags: dbus.MessageFlag.NO_AUTO_START },
    ]);
  });

  it.each(["NameHasNoOwner", "ServiceUnknown"])(
    "tells nothing where AccountsService does not run (%s)",
    async (error) => {
      expect(await tell(failing(`org.freedesktop.DBus.Error.${error}`), "guest-k3f9")).toBe(false);
    },
  );

  it("fails when AccountsService refuses", async () => {
    await expect(tell(failing("org.freedesktop.Accounts.Error.Failed"), "guest-k3f9")).rejects.toThrow("no");
  });
});
