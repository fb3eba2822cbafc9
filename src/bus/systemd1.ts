// What guestd asks of systemd: scopes, limits, the end of units. Every wait has a limit.
import dbus from "dbus-next";
import type { MessageBus } from "dbus-next";
import type { Limits } from "../config/schema.ts";
import { scopeName, sliceName } from "../policy/session.ts";
import { poll } from "../wait.ts";
import { callMethod, LateError } from "./connection.ts";
import type { Property } from "./limits.ts";
import { limitProperties } from "./limits.ts";
import { field } from "./values.ts";

const SYSTEMD = "org.freedesktop.systemd1";
const MANAGER = { destination: SYSTEMD, path: "/org/freedesktop/systemd1", interface: `${SYSTEMD}.Manager` } as const;
/** pam_guest waits 5 s for a login, which includes building the view. */
const LIMIT_MS = 4000;
/** No login waits for it. */
const PATIENCE_MS = 15_000;

/**
 * Puts a process into a new scope, which ends with its last process. It moves shortly after the answer.
 * @param uid of a leased account, whose slice gets the scope and the limits
 * @throws Error if systemd refuses, or does not answer within 4 s
 */
export async function startScope(
  bus: MessageBus,
  id: string,
  pid: number,
  uid: number | undefined,
  limits: Limits,
): Promise<void> {
  const properties: Property[] = [
    ["PIDs", field("au", [pid])],
    ["Slice", field("s", uid === undefined ? "user.slice" : sliceName(uid))],
    ["Description", field("s", `Guest session ${id}`)],
    ["CollectMode", field("s", "inactive-or-failed")],
    // As in logind's scopes: shells end on SIGHUP, and sessions end before systemd-user-sessions.service stops.
    ["SendSIGHUP", field("b", true)],
    ["After", field("as", ["systemd-user-sessions.service"])],
    ...(uid === undefined ? limitProperties(limits) : []),
  ];
  // The user's slice, before logind creates it. Transient units leave nothing behind.
  const auxiliary = uid === undefined ? [] : [[sliceName(uid), [["Description", field("s", `Guest with uid ${uid}`)]]]];
  const body = [scopeName(id), "fail", properties, auxiliary];
  await callMethod(bus, { ...MANAGER, member: "StartTransientUnit", signature: "ssa(sv)a(sa(sv))", body }, LIMIT_MS);
  // user-.slice.d would override limits set at the start.
  if (uid !== undefined) await limitUnit(bus, sliceName(uid), limits, LIMIT_MS);
}

async function limitUnit(bus: MessageBus, unit: string, limits: Limits, limitMs: number): Promise<void> {
  const body = [unit, true, limitProperties(limits)];
  await callMethod(bus, { ...MANAGER, member: "SetUnitProperties", signature: "sba(sv)", body }, limitMs);
}

/** No error if the unit has ended. */
export async function limitIfThere(bus: MessageBus, unit: string, limits: Limits): Promise<void> {
  await ignoreMissing(limitUnit(bus, unit, limits, PATIENCE_MS));
}

/**
 * @param limitMs for the unit to end, and for each answer
 * @returns whether it has ended
 * @throws DBusError if systemd refuses
 */
export async function stopUnit(bus: MessageBus, unit: string, limitMs: number): Promise<boolean> {
  try {
    return await endUnit(bus, unit, limitMs);
  } catch (error) {
    if (error instanceof LateError) return false;
    throw error;
  }
}

async function endUnit(bus: MessageBus, unit: string, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  if (!(await isRunning(bus, unit, limitMs))) return true;
  await ignoreMissing(
    callMethod(bus, { ...MANAGER, member: "StopUnit", signature: "ss", body: [unit, "replace"] }, limitMs),
  );
  return poll(async () => !(await isRunning(bus, unit, limitMs)), end - performance.now());
}

/** No error if there is no such unit. */
export async function resetFailed(bus: MessageBus, unit: string, limitMs: number): Promise<void> {
  await ignoreMissing(
    callMethod(bus, { ...MANAGER, member: "ResetFailedUnit", signature: "s", body: [unit] }, limitMs),
  );
}

async function isRunning(bus: MessageBus, unit: string, limitMs: number): Promise<boolean> {
  const found = await ignoreMissing(
    callMethod(bus, { ...MANAGER, member: "GetUnit", signature: "s", body: [unit] }, limitMs),
  );
  const path = found?.[0];
  if (typeof path !== "string") return false;
  const call = { destination: SYSTEMD, path, interface: "org.freedesktop.DBus.Properties", member: "Get" };
  const state = await ignoreMissing(
    callMethod(bus, { ...call, signature: "ss", body: [`${SYSTEMD}.Unit`, "ActiveState"] }, limitMs),
  );
  const { value } = (state?.[0] ?? { value: "inactive" }) as { value: unknown };
  return value !== "inactive" && value !== "failed";
}

const MISSING = new Set([`${SYSTEMD}.NoSuchUnit`, "org.freedesktop.DBus.Error.UnknownObject"]);

/** Undefined if there is no such unit. */
async function ignoreMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof dbus.DBusError && MISSING.has(error.type)) return undefined;
    throw error;
  }
}
