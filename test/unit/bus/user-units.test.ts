import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { forgetUser, stopManager } from "../../../src/bus/user-units.ts";
import { field } from "../../../src/bus/values.ts";

const UID = 60600;
const UNITS = [`user@${UID}.service`, `user-runtime-dir@${UID}.service`, `user-${UID}.slice`];

const failing = (type: string) => Promise.reject(new dbus.DBusError(type, "no"));
const unknown = () => failing("org.freedesktop.login1.NoSuchUser");

beforeEach(() => {
  // Each look takes a second by this clock.
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Machine {
  /** Running units that ignore a stop. */
  readonly stubborn?: readonly string[];
  readonly running?: readonly string[];
  /** How often logind still knows the user. */
  readonly known?: number;
  readonly answers?: Readonly<Record<string, () => Promise<unknown>>>;
}

function busWith({ stubborn = [], running = [], known = 0, answers = {} }: Machine) {
  const did: string[] = [];
  const runs = new Set([...stubborn, ...running]);
  let looks = 0;
  const call = ({ member, body }: Message) => {
    const [unit] = body as [string];
    if (member === "GetUnit" || member === "GetUser") vi.advanceTimersByTime(1_000);
    if (["TerminateUser", "StopUnit", "ResetFailedUnit"].includes(member)) did.push(`${member} ${unit}`);
    const answer = answers[member];
    if (answer !== undefined) return answer();
    switch (member) {
      case "GetUnit":
        return runs.has(unit) ? Promise.resolve({ body: ["/unit"] }) : failing("org.freedesktop.systemd1.NoSuchUnit");
      case "Get":
        return Promise.resolve({ body: [field("s", "active")] });
      case "StopUnit":
        if (!stubborn.includes(unit)) runs.delete(unit);
        return Promise.resolve({ body: [] });
      case "GetUser":
        return looks++ < known ? Promise.resolve({ body: ["/user"] }) : unknown();
      default:
        return Promise.resolve({ body: [] });
    }
  };
  return { bus: { call } as unknown as MessageBus, did };
}

describe("forgetUser fails", () => {
  it.each(UNITS)("naming %s, which does not stop", async (unit) => {
    const { bus } = busWith({ stubborn: [unit] });
    await expect(forgetUser(bus, UID)).rejects.toThrow(`${unit} has not ended within 10000 ms`);
  });

  it("when logind does not forget the user, since its cleanup is then incomplete", async () => {
    const { bus } = busWith({ known: 1e9 });
    await expect(forgetUser(bus, UID)).rejects.toThrow(`logind has not forgotten the user ${UID} within 10000 ms`);
  });

  it.each(["TerminateUser", "GetUser"])(`when logind answers %s with any error but "no such user"`, async (member) => {
    const { bus } = busWith({ answers: { [member]: () => failing("org.freedesktop.DBus.Error.NoReply") } });
    await expect(forgetUser(bus, UID)).rejects.toMatchObject({ type: "org.freedesktop.DBus.Error.NoReply" });
  });
});

describe("forgetUser", () => {
  it("stops the user's units in order, and resets the failed ones", async () => {
    const { bus, did } = busWith({ running: UNITS });
    await forgetUser(bus, UID);
    expect(did).toEqual([
      `TerminateUser ${UID}`,
      ...UNITS.flatMap((unit) => [`StopUnit ${unit}`, `ResetFailedUnit ${unit}`]),
    ]);
  });

  it("waits until logind has forgotten the user", async () => {
    let looks = 0;
    const GetUser = () => (++looks < 4 ? Promise.resolve({ body: ["/user"] }) : unknown());
    await forgetUser(busWith({ answers: { GetUser } }).bus, UID);
    expect(looks).toBe(4);
  });

  it("accepts a user that is unknown everywhere", async () => {
    const { bus, did } = busWith({ answers: { TerminateUser: unknown } });
    await forgetUser(bus, UID);
    expect(did.filter((what) => what.startsWith("StopUnit"))).toEqual([]);
  });
});

describe("stopManager", () => {
  it("leaves a manager that takes longer than a second to be killed with the other processes", async () => {
    const { bus, did } = busWith({ stubborn: UNITS });
    await expect(stopManager(bus, UID)).resolves.toBeUndefined();
    expect(did).toEqual([`StopUnit user@${UID}.service`]);
  });
});
