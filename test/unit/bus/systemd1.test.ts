import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import { describe, expect, it } from "vitest";
import { resetFailed, startScope, stopUnit } from "../../../src/bus/systemd1.ts";
import { field, unwrap } from "../../../src/bus/values.ts";
import { configOf } from "../../helpers/samples.ts";

const UNIT = "user@60600.service";
const { Limits } = configOf();

const failing = (type: string) => Promise.reject(new dbus.DBusError(type, "no"));
const missing = () => failing("org.freedesktop.systemd1.NoSuchUnit");

/**
 * A bus with a systemd. @param states of a unit, one per look, the last one lasting; "" means no such unit
 * @param answers what other methods answer
 */
function busWith(states: readonly string[], answers: Readonly<Record<string, () => Promise<unknown>>> = {}) {
  const calls: string[] = [];
  const bodies: unknown[][] = [];
  let looks = 0;
  const call = ({ member, body }: Message) => {
    calls.push(member);
    bodies.push(body as unknown[]);
    const answer = answers[member];
    if (answer !== undefined) return answer();
    const state = () => states[Math.min(looks, states.length - 1)] ?? "";
    if (member === "GetUnit") return state() === "" ? (looks++, missing()) : Promise.resolve({ body: ["/unit"] });
    if (member !== "Get") return Promise.resolve({ body: [] });
    const value = state();
    looks++;
    return Promise.resolve({ body: [field("s", value)] });
  };
  return { bus: { call } as unknown as MessageBus, calls, bodies };
}

describe("stopUnit", () => {
  it.each([[""], ["inactive"], ["failed"]])("does nothing when the unit is %j", async (state) => {
    const { bus, calls } = busWith([state]);
    expect(await stopUnit(bus, UNIT, 0)).toBe(true);
    expect(calls).not.toContain("StopUnit");
  });

  it("fails when the unit does not stop in time", async () => {
    const { bus, calls } = busWith(["active", "deactivating"]);
    expect(await stopUnit(bus, UNIT, 20)).toBe(false);
    expect(calls.filter((name) => name === "StopUnit")).toHaveLength(1);
  });

  it.each(["GetUnit", "Get", "StopUnit"])(
    "does not take a unit for stopped when systemd does not answer %s",
    async (member) => {
      const silence = () => new Promise(() => undefined);
      expect(await stopUnit(busWith(["active", "inactive"], { [member]: silence }).bus, UNIT, 20)).toBe(false);
    },
  );

  it.each(["active", "activating", "deactivating", "reloading", "maintenance", "an unknown state"])(
    "does not take a unit that is %s for stopped",
    async (state) => {
      expect(await stopUnit(busWith([state]).bus, UNIT, 0)).toBe(false);
    },
  );

  it("fails when systemd refuses or does not know the call", async () => {
    const { bus } = busWith(["active"], { StopUnit: () => failing("org.freedesktop.DBus.Error.AccessDenied") });
    await expect(stopUnit(bus, UNIT, 1_000)).rejects.toMatchObject({ type: "org.freedesktop.DBus.Error.AccessDenied" });
    const broken = busWith(["active"], { GetUnit: () => failing("org.freedesktop.DBus.Error.NoReply") });
    await expect(stopUnit(broken.bus, UNIT, 1_000)).rejects.toMatchObject({
      type: "org.freedesktop.DBus.Error.NoReply",
    });
  });

  it.each([
    ["has stopped", ["active", "deactivating", "deactivating", "inactive"]],
    ["has failed", ["active", "deactivating", "failed"]],
    ["is gone", ["active", "deactivating", ""]],
  ])("waits until the unit %s", async (_, states) => {
    const { bus, calls, bodies } = busWith(states);
    expect(await stopUnit(bus, UNIT, 1_000)).toBe(true);
    expect(bodies[calls.indexOf("StopUnit")]).toEqual([UNIT, "replace"]);
    expect(calls.filter((name) => name === "GetUnit")).toHaveLength(states.length);
  });

  it("accepts a unit that disappears in between", async () => {
    expect(await stopUnit(busWith(["active", ""], { StopUnit: missing }).bus, UNIT, 1_000)).toBe(true);
    expect(
      await stopUnit(
        busWith(["active"], { Get: () => failing("org.freedesktop.DBus.Error.UnknownObject") }).bus,
        UNIT,
        1_000,
      ),
    ).toBe(true);
  });
});

describe("resetFailed", () => {
  it("accepts that there is no such unit, and no other error", async () => {
    await expect(resetFailed(busWith([], { ResetFailedUnit: missing }).bus, UNIT, 1_000)).resolves.toBeUndefined();
    await expect(
      resetFailed(
        busWith([], { ResetFailedUnit: () => failing("org.freedesktop.DBus.Error.AccessDenied") }).bus,
        UNIT,
        1_000,
      ),
    ).rejects.toThrow();
  });
});

describe("startScope", () => {
  const propertiesOf = (body: unknown[] | undefined) =>
    Object.fromEntries(
      (body?.[2] as [string, unknown][]).map(([name, value]) => [name, unwrap({ value: value as never })["value"]]),
    );

  it("fails when systemd does, and sets no limits then", async () => {
    const { bus, calls } = busWith([], { StartTransientUnit: () => failing("org.freedesktop.systemd1.UnitExists") });
    await expect(startScope(bus, "abc", 500, 60600, Limits)).rejects.toMatchObject({
      type: "org.freedesktop.systemd1.UnitExists",
    });
    expect(calls).toEqual(["StartTransientUnit"]);
  });

  it("puts a shared account's leader into a scope with the limits, outside user.slice", async () => {
    const { bus, calls, bodies } = busWith([]);
    await startScope(bus, "abc", 500, undefined, Limits);
    expect(calls).toEqual(["StartTransientUnit"]);
    expect(bodies[0]).toMatchObject(["guest-abc.scope", "fail", expect.anything(), []]);
    expect(propertiesOf(bodies[0])).toMatchObject({
      PIDs: [500],
      Slice: "user.slice",
      TasksMax: expect.anything() as unknown,
    });
  });

  it("puts a leased account's leader into its user slice, and sets the limits on the slice", async () => {
    const { bus, calls, bodies } = busWith([]);
    await startScope(bus, "abc", 500, 60600, Limits);
    expect(calls).toEqual(["StartTransientUnit", "SetUnitProperties"]);
    expect(propertiesOf(bodies[0])).toMatchObject({ PIDs: [500], Slice: "user-60600.slice" });
    expect(propertiesOf(bodies[0])).not.toHaveProperty("TasksMax");
    expect(bodies[0]?.[3]).toMatchObject([["user-60600.slice", expect.anything()]]);
    expect(bodies[1]).toMatchObject(["user-60600.slice", true, expect.anything()]);
  });
});
