// What guestd asks of systemd: a scope unit around a session's leader. Every wait is bounded.
import type { MessageBus } from "dbus-next";
import { scopeName } from "../policy/session.ts";
import { callMethod } from "./connection.ts";
import { field } from "./values.ts";

const MANAGER = { destination: "org.freedesktop.systemd1", path: "/org/freedesktop/systemd1", interface: "org.freedesktop.systemd1.Manager" } as const;
const LIMIT_MS = 2000;

/**
 * Has systemd put a process into a new scope unit, which ends with the last process in it.
 * The process is in it a moment after the answer, when systemd has run the job.
 * @throws Error when systemd refuses, or does not answer within 2 s
 */
export async function startScope(bus: MessageBus, id: string, pid: number): Promise<void> {
  const properties = [
    ["PIDs", field("au", [pid])],
    ["Slice", field("s", "user.slice")],
    ["Description", field("s", `Guest session ${id}`)],
    ["CollectMode", field("s", "inactive-or-failed")],
    // As logind has it for its sessions: shells end at a hang-up, and before logins are shut off.
    ["SendSIGHUP", field("b", true)],
    ["After", field("as", ["systemd-user-sessions.service"])],
  ];
  const call = { ...MANAGER, member: "StartTransientUnit", signature: "ssa(sv)a(sa(sv))", body: [scopeName(id), "fail", properties, []] };
  await callMethod(bus, call, LIMIT_MS);
}
