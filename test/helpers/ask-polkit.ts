// Asks polkitd about a subject for every action: ask-polkit --process PID | --system-bus-name NAME
//
// Prints a line per action with pkcheck's exit code: 0 yes, 1 no, 2 after authentication. pkcheck itself would be slow.
import { readFileSync } from "node:fs";
import dbus from "dbus-next";
import { callMethod, connectBus } from "../../src/bus/connection.ts";
import { SYSTEM_BUS } from "../../src/bus/names.ts";

const LIMIT_MS = 30_000;
const POLKIT = {
  destination: "org.freedesktop.PolicyKit1",
  path: "/org/freedesktop/PolicyKit1/Authority",
  interface: "org.freedesktop.PolicyKit1.Authority",
};
const NO_FLAGS = 0;

/** In clock ticks since boot. With the PID it identifies a process. */
function startTimeOf(pid: number): bigint {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return BigInt(fields[19] ?? "");
}

/** Returns polkit's (sa{sv}). */
function readSubject(kind: string, value: string): readonly unknown[] {
  if (kind === "--system-bus-name") return ["system-bus-name", { name: new dbus.Variant("s", value) }];
  if (kind !== "--process") throw new Error(`no such subject: ${kind}`);
  const pid = Number(value);
  const details = { pid: new dbus.Variant("u", pid), "start-time": new dbus.Variant("t", startTimeOf(pid)) };
  return ["unix-process", details];
}

const [kind = "", value = ""] = process.argv.slice(2);
const subject = readSubject(kind, value);
// Without the bus the next call fails.
const bus = await connectBus(SYSTEM_BUS, () => undefined);
const ask = (member: string, signature: string, ...body: readonly unknown[]) =>
  callMethod(bus, { ...POLKIT, member, signature, body }, LIMIT_MS);

const [actions] = (await ask("EnumerateActions", "s", "")) as readonly (readonly (readonly [string])[])[];
for (const [action] of actions ?? []) {
  const [result] = await ask("CheckAuthorization", "(sa{sv})sa{ss}us", subject, action, {}, NO_FLAGS, "");
  const [isAuthorized, isChallenge] = result as readonly [boolean, boolean];
  console.log(`${action} ${isAuthorized ? 0 : isChallenge ? 2 : 1}`);
}
bus.disconnect();
