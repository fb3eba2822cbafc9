// What guestd asks of systemd: a scope unit around a session's leader, limits, the units of a leased account's user.
// Every wait is bounded.
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
/** A login waits for it, and pam_guest waits for 5 s: what is left is enough to build the view. */
const LIMIT_MS = 4000;
/** No login waits for it. */
const PATIENCE_MS = 15_000;

/**
 * Has systemd put a process into a new scope unit, which ends with the last process in it.
 * The process is in it a moment after the answer, when systemd has run the job.
 * @param uid of a leased account: the scope is its user's then, and the limits are all of that user's
 * @throws Error when systemd refuses, or does not answer within 4 s
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
    // As logind has it for its sessions: shells end at a hang-up, and before logins are shut off.
    ["SendSIGHUP", field("b", true)],
    ["After", field("as", ["systemd-user-sessions.service"])],
    ...(uid === undefined ? limitProperties(limits) : []),
  ];
  // The user's slice comes with it, before logind makes one: as a transient unit, which leaves nothing when it ends.
  const auxiliary = uid === undefined ? [] : [[sliceName(uid), [["Description", field("s", `Guest with uid ${uid}`)]]]];
  const body = [scopeName(id), "fail", properties, auxiliary];
  await callMethod(bus, { ...MANAGER, member: "StartTransientUnit", signature: "ssa(sv)a(sa(sv))", body }, LIMIT_MS);
  // Apart from its start: what the system says of all user slices (user-.slice.d) would stand over it.
  if (uid !== undefined) await limitUnit(bus, sliceName(uid), limits, LIMIT_MS);
}

/** Sets the limits of a running unit, for as long as it runs. */
async function limitUnit(bus: MessageBus, unit: string, limits: Limits, limitMs: number): Promise<void> {
  const body = [unit, true, limitProperties(limits)];
  await callMethod(bus, { ...MANAGER, member: "SetUnitProperties", signature: "sba(sv)", body }, limitMs);
}

/** The same for one that may have ended meanwhile: there is nothing to limit then. */
export async function limitIfThere(bus: MessageBus, unit: string, limits: Limits): Promise<void> {
  await ignoreMissing(limitUnit(bus, unit, limits, PATIENCE_MS));
}

/**
 * Stops a unit and waits until it has ended.
 * @param limitMs how long to wait, for the unit and for each answer of systemd
 * @returns whether it has
 * @throws DBusError when systemd refuses
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

/** Forgets that a unit has failed; no error when it has not. */
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

/** What a call has answered; undefined when there is no such unit. */
async function ignoreMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof dbus.DBusError && MISSING.has(error.type)) return undefined;
    throw error;
  }
}
