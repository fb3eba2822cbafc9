// The verbs about the switch of guest logins. It counts together with Enabled= of the configuration.
import type { Client } from "../bus/client.ts";
import type { Fields, Output } from "./command.ts";
import { formatPlain } from "./format.ts";
import type { Options } from "./options.ts";

/** Phases of sessions that do not end by themselves. */
const GOING_ON: readonly unknown[] = ["recovering", "opening", "open"];

export async function enable(
  _args: readonly string[],
  _options: Options,
  connect: () => Promise<Client>,
): Promise<Output> {
  const client = await connect();
  await client.call("SetEnabled", "bs", [true, ""]);
  const status = await readChecked(client);
  const text =
    status["enabled"] === true && !hasFault(status)
      ? "Guests can log in."
      : `Guest logins are switched on, but guests are refused still: ${findHindrance(status)}.`;
  return { text, json: status };
}

export async function disable(
  _args: readonly string[],
  { reason }: Options,
  connect: () => Promise<Client>,
): Promise<Output> {
  const client = await connect();
  await client.call("SetEnabled", "bs", [false, reason]);
  const status = await readStatus(client);
  const [sessions] = await client.call("ListSessions");
  const ids = (sessions as Fields[]).filter(({ state }) => GOING_ON.includes(state)).map(({ id }) => String(id));
  const refused = `Guests are refused: guest logins are switched ${describeSwitch(status)}.`;
  return { text: [refused, ...(ids.length === 0 ? [] : [describeSessions(ids)])].join("\n"), json: status };
}

function describeSessions(ids: readonly string[]): string {
  const [go, them] = ids.length === 1 ? ["1 session goes on", "it"] : [`${ids.length} sessions go on`, "them"];
  return `${go}; "guestctl end ${ids.join(" ")}" ends ${them}.`;
}

const readStatus = async (client: Client): Promise<Fields> => (await client.call("GetStatus"))[0] as Fields;

/** Includes whether a login would succeed. */
export async function readChecked(client: Client): Promise<Fields> {
  const status = await readStatus(client);
  return { ...status, ...((await client.call("CheckLogins"))[0] as Fields) };
}

/** The ghost would be refused although configuration and switch allow guests. */
export const hasFault = (status: Fields): boolean => status["enabled"] === true && status["fault"] !== "";

export function describeGuests(status: Fields): string {
  if (hasFault(status)) return `refused: ${findHindrance(status)}`;
  if (status["enabled"] === true) return "can log in";
  return `refused: ${status["switch"] === true ? findHindrance(status) : "they are switched off"}`;
}

export function describeSwitch(status: Fields): string {
  if (status["switch"] === true) return "on";
  const reason = formatPlain(String(status["reason"])).replace(/\.$/, "");
  return reason === "" ? "off" : `off: ${reason}`;
}

export const hintAtSwitch = (status: Fields): readonly string[] =>
  status["switch"] === true ? [] : ['"guestctl enable" lets guests log in.'];

// Why guests cannot log in although the switch is on.
function findHindrance(status: Fields): string {
  if (hasFault(status)) return formatPlain(String(status["fault"])).replace(/\.$/, "");
  return (status["errors"] as string[]).length > 0
    ? 'the configuration has errors, see "guestctl config check"'
    : "Enabled=no in the configuration";
}
