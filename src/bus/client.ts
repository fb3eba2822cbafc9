// guestctl's side of the bus.
import dbus from "dbus-next";
import type { MessageBus } from "dbus-next";
import { callMethod, connectBus } from "./connection.ts";
import { Intake } from "./intake.ts";
import { ERROR_PREFIX, INTERFACE, NAME, OBJECT, SYSTEM_BUS } from "./names.ts";
import { toPlain } from "./values.ts";

/** Longer than guestd's longest work: ending a session whose processes resist. */
const LIMIT_MS = 90_000;

/** `code` is the error's name on the bus without its prefix. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export class Client {
  readonly #bus: MessageBus;

  private constructor(bus: MessageBus) {
    this.#bus = bus;
  }

  /** @throws ClientError NoBus when the system bus cannot be reached */
  static async connect(address = SYSTEM_BUS): Promise<Client> {
    try {
      // Filters signals, which any process may send. All receipts are a long answer.
      const intake = new Intake(Infinity);
      return new Client(await connectBus(address, () => undefined, intake));
    } catch (error) {
      throw new ClientError("NoBus", (error as Error).message, { cause: error });
    }
  }

  /**
   * The bus starts guestd if necessary.
   * @returns a{sv} as objects, 64-bit numbers as numbers
   * @throws ClientError
   */
  async call(member: string, signature = "", body: readonly unknown[] = []): Promise<readonly unknown[]> {
    const target = { destination: NAME, path: OBJECT, interface: INTERFACE };
    try {
      return (await callMethod(this.#bus, { ...target, member, signature, body }, LIMIT_MS)).map(toPlain);
    } catch (error) {
      throw toClientError(error);
    }
  }

  close(): void {
    this.#bus.disconnect();
  }
}

function toClientError(error: unknown): ClientError {
  if (error instanceof dbus.DBusError) {
    const known = error.type.startsWith(ERROR_PREFIX);
    const code = known ? error.type.slice(ERROR_PREFIX.length) : error.type;
    return new ClientError(code, error.text, { cause: error });
  }
  return new ClientError("NoAnswer", (error as Error).message, { cause: error });
}
