// A connection to the bus, and calls with a time limit.
import type { EventEmitter } from "node:events";
import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import { Lanes } from "../lanes.ts";
import { within } from "../wait.ts";
import type { Intake, Pushing } from "./intake.ts";

export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
  /** dbus-next's MessageFlag. */
  readonly flags?: number;
}

const CONNECT_LIMIT_MS = 5000;
/** For each service. The bus allows 128 on a connection (dbus-daemon(1), max_replies_per_connection). */
const MOST_UNANSWERED = 40;
const lanes = new WeakMap<MessageBus, Map<string, Lanes>>();

export class LateError extends Error {}

/**
 * @param address in D-Bus notation: unix:path=...
 * @param onLost called if the connection is lost later
 * @param intake filters messages before they are parsed
 * @throws Error if the bus cannot be reached within 5 s
 */
export async function connectBus(
  address: string,
  onLost: (reason: string) => void,
  intake?: Intake,
): Promise<MessageBus> {
  const bus = dbus.sessionBus({ busAddress: address });
  intake?.guard(innerOf(bus).stream);
  const connected = new Promise<void>((resolve, reject) => {
    bus.once("connect", resolve);
    bus.once("error", (error: Error) => {
      reject(new Error(`the bus at ${address} cannot be reached: ${error.message}`, { cause: error }));
    });
  });
  try {
    await within(connected, CONNECT_LIMIT_MS, tooLate(CONNECT_LIMIT_MS, `the bus at ${address} does not answer`));
  } catch (error) {
    // An open socket would keep the program running.
    innerOf(bus).stream.destroy();
    throw error;
  }
  bus.on("error", (error: Error) => {
    onLost(error.message);
  });
  // A restarted bus closes the stream without an error.
  innerOf(bus).on("end", () => {
    onLost("the bus has closed the connection");
  });
  return bus;
}

function innerOf(bus: MessageBus): Inner {
  return (bus as unknown as { _connection: Inner })._connection;
}

type Inner = EventEmitter & { readonly stream: Pushing & { readonly destroy: () => void } };

function lanesTo(bus: MessageBus, service: string): Lanes {
  const ofBus = lanes.get(bus) ?? new Map<string, Lanes>();
  lanes.set(bus, ofBus);
  const found = ofBus.get(service) ?? new Lanes(MOST_UNANSWERED);
  ofBus.set(service, found);
  return found;
}

/**
 * Waits first while 40 calls to the service are unanswered.
 * @param limitMs from the moment the call is sent
 * @throws DBusError as the service sent it, or LateError
 */
export async function callMethod(bus: MessageBus, call: BusCall, limitMs: number): Promise<readonly unknown[]> {
  const message = new dbus.Message({ ...call, body: [...(call.body ?? [])] });
  const late = tooLate(limitMs, `${call.destination} does not answer ${call.member}`);
  const reply = await lanesTo(bus, call.destination).run(() => {
    const answer: Promise<Message | null> = bus.call(message);
    return within(answer, limitMs, late);
  });
  return (reply?.body ?? []) as readonly unknown[];
}

const tooLate = (limitMs: number, message: string) => () => {
  throw new LateError(`${message} (${limitMs} ms)`);
};
