// guestd on the bus: finds the row of a method, checks who may call it, answers. Holds no state;
// what the methods do is methods.ts.
import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import type { ErrorCode } from "../policy/errors.ts";
import { GuestError } from "../policy/errors.ts";
import type { Caller } from "./caller.ts";
import { identifyCaller } from "./caller.ts";
import { ERROR_PREFIX, INTERFACE, NAME, OBJECT } from "./names.ts";
import type { VariantDict } from "./values.ts";

/** One method of the interface: the row that org.guestd1.xml has for it, and what it does. */
export interface Method {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  /** `since` is when it was called, in milliseconds of performance.now(): the caller waits from then on. */
  readonly handle: (args: readonly unknown[], caller: Caller, since: number) => Promise<readonly unknown[]>;
}

export interface ServiceParts {
  readonly bus: MessageBus;
  readonly methods: readonly Method[];
  /** The interface's XML, for those who ask what there is. */
  readonly introspection: string;
  readonly onDenied: (member: string, reason: string) => void;
  /** A handler threw what is no GuestError: a fault of guestd. */
  readonly onFault: (member: string, error: unknown) => void;
}

const INTROSPECTABLE = "org.freedesktop.DBus.Introspectable";

export class Service {
  readonly #parts: ServiceParts;
  #calls = 0;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** Whether a call is not answered yet. */
  get isBusy(): boolean {
    return this.#calls > 0;
  }

  /** Answers calls from now on, then takes the name: a client that sees the name can use it. */
  async start(): Promise<void> {
    const { bus } = this.#parts;
    bus.addMethodHandler((message: Message) => this.#receive(message));
    const DO_NOT_QUEUE = 4;
    const PRIMARY_OWNER = 1;
    const reply = await bus.requestName(NAME, DO_NOT_QUEUE);
    if (reply !== PRIMARY_OWNER) throw new Error(`the name ${NAME} is taken: is guestd running already?`);
  }

  /** Gives the name back. The calls that came in before are answered all the same. */
  async giveUpName(): Promise<void> {
    await this.#parts.bus.releaseName(NAME);
  }

  /** Sends a signal of the interface. What it tells is true whether or not anybody hears of it. */
  emit(signal: string, signature: string, body: readonly [string, VariantDict]): void {
    this.#send(dbus.Message.newSignal(OBJECT, INTERFACE, signal, signature, [...body]));
  }

  // dbus-next would send the stack of what is thrown here to the client.
  #receive(message: Message): boolean {
    if (message.path !== OBJECT) return false;
    if (message.interface === INTROSPECTABLE && message.member === "Introspect") {
      this.#send(dbus.Message.newMethodReturn(message, "s", [this.#parts.introspection]));
      return true;
    }
    // A call without an interface means any that has the member (D-Bus specification).
    if (message.interface !== INTERFACE && Boolean(message.interface)) return false;
    const method = this.#parts.methods.find(({ name }) => name === message.member);
    if (method === undefined) return false;
    void this.#answer(message, method);
    return true;
  }

  async #answer(message: Message, method: Method): Promise<void> {
    this.#calls++;
    try {
      const body = await this.#call(message, method);
      this.#send(dbus.Message.newMethodReturn(message, method.output, [...body]));
    } catch (error) {
      this.#sendError(message, method.name, error);
    } finally {
      this.#calls--;
    }
  }

  async #call(message: Message, method: Method): Promise<readonly unknown[]> {
    const since = performance.now();
    const caller = await identifyCaller(this.#parts.bus, message.sender);
    // The bus's policy says the same: this is the second of two layers.
    if (caller.uid !== 0) throw new GuestError("AccessDenied", `Only root may call ${method.name}.`);
    if (message.signature !== method.input) {
      throw new GuestError("InvalidArgument", `${method.name} takes (${method.input}), not (${message.signature}).`);
    }
    return method.handle(message.body as readonly unknown[], caller, since);
  }

  #sendError(message: Message, member: string, error: unknown): void {
    const known = error instanceof GuestError;
    const code: ErrorCode = known ? error.code : "Failed";
    const text = known ? error.message : "guestd has failed at this call; its journal says why.";
    if (code === "AccessDenied") this.#parts.onDenied(member, text);
    if (!known) this.#parts.onFault(member, error);
    // The types of dbus-next say string for the message that is answered; its code takes the message.
    this.#send(dbus.Message.newError(message as unknown as string, `${ERROR_PREFIX}${code}`, text));
  }

  #send(message: Message): void {
    try {
      this.#parts.bus.send(message);
    } catch (error) {
      this.#parts.onFault("a message to the bus", error);
    }
  }
}
