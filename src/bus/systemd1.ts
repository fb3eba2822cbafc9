// What guestd asks of systemd: a scope unit around a session's leader, limits, and stopping the units of a leased
// account's user. Every wait has a limit.
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
/** A login waits for it, and pam_guest waits 5 s. The remaining time is enough to build the view. */
const LIMIT_MS = 4000;
/** No login waits for it. */
const PATIENCE_MS = 15_000;

/**
 * Makes systemd put a process into a new scope unit, which ends with its last process. The process moves shortly after
 * the answer, when systemd has run the job.
 * @param uid of a leased account: the scope goes into the user's slice, and the limits apply to that slice
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
    // As in logind's session scopes: shells end on SIGHUP, and sessions end before systemd-user-sessions.service stops.
    ["SendSIGHUP", field("b", true)],
    ["After", field("as", ["systemd-user-sessions.service"])],
    ...(uid === undefined ? limitProperties(limits) : []),
  ];
  // Creates the user's slice too, before logind does. As a transient unit it leaves nothing behind.
  const auxiliary = uid === undefined ? [] : [[sliceName(uid), [["Description", field("s", `Guest with uid ${uid}`)]]]];
  const body = [scopeName(id), "fail", properties, auxiliary];
  await callMethod(bus, { ...MANAGER, member: "StartTransientUnit", signature: "ssa(sv)a(sa(sv))", body }, LIMIT_MS);
  // Not set at the start: drop-ins for all user slices (user-.slice.d) would take precedence.
  if (uid !== undefined) await limitUnit(bus, sliceName(uid), limits, LIMIT_MS);
}

/** Sets the limits of a running unit, for as long as it runs. */
async function limitUnit(bus: MessageBus, unit: string, limits: Limits, limitMs: number): Promise<void> {
  const body = [unit, true, limitProperties(limits)];
  await callMethod(bus, { ...MANAGER, member: "SetUnitProperties", signature: "sba(sv)", body }, limitMs);
}

/** The same for a unit that may have ended: then there is nothing to limit. */
export async function limitIfThere(bus: MessageBus, unit: string, limits: Limits): Promise<void> {
  await ignoreMissing(limitUnit(bus, unit, limits, PATIENCE_MS));
}

/**
 * Stops a unit and waits until it has ended.
 * @param limitMs how long to wait, for the unit and for each answer of systemd
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

/** Resets the failed state of a unit, if it has one. */
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

/** The answer to a call; undefined if there is no such unit. */
async function ignoreMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof dbus.DBusError && MISSING.has(error.type)) return undefined;
    throw error;
  }
}
