// guestd on the bus: judges calls by their heads, checks the caller, answers. methods.ts has the methods.
import dbus from "dbus-next";
import type { Message, MessageBus } from "dbus-next";
import type { ErrorCode } from "../policy/errors.ts";
import { GuestError } from "../policy/errors.ts";
import type { Caller } from "./caller.ts";
import { identifyCaller } from "./caller.ts";
import type { Intake } from "./intake.ts";
import type { MessageHead } from "./message-head.ts";
import { NO_REPLY_EXPECTED } from "./message-head.ts";
import { ERROR_PREFIX, INTERFACE, NAME, OBJECT } from "./names.ts";
import type { VariantDict } from "./values.ts";

export interface Method {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  /** `since` is the time of the call, as performance.now(). */
  readonly handle: (args: readonly unknown[], caller: Caller, since: number) => Promise<readonly unknown[]>;
}

export interface ServiceParts {
  readonly bus: MessageBus;
  readonly intake: Pick<Intake, "judgeCalls" | "isAtWork">;
  readonly methods: readonly Method[];
  readonly introspection: string;
  readonly onDenied: (member: string, reason: string) => void;
  /** A bug in guestd: a handler threw something other than a GuestError. */
  readonly onFault: (member: string, error: unknown) => void;
}

const INTROSPECTABLE = "org.freedesktop.DBus.Introspectable";
const PEER = "org.freedesktop.DBus.Peer";
const UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod";

/** More than logins and administrators ever make at a time. */
export const MOST_CALLS = 1024;
/** More than any call needs. */
export const MOST_ARGUMENT_BYTES = 64 * 1024;

export class Service {
  readonly #parts: ServiceParts;
  #calls = 0;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  get isBusy(): boolean {
    return this.#calls > 0;
  }

  /** Answers calls before it takes the name, which then works at once. */
  async start(): Promise<void> {
    const { bus, intake } = this.#parts;
    if (!intake.isAtWork) throw new Error("what comes in from the bus is not judged before it is parsed");
    intake.judgeCalls((head) => this.#judge(head));
    bus.addMethodHandler((message: Message) => this.#receive(message));
    const DO_NOT_QUEUE = 4;
    const PRIMARY_OWNER = 1;
    const reply = await bus.requestName(NAME, DO_NOT_QUEUE);
    if (reply !== PRIMARY_OWNER) throw new Error(`the name ${NAME} is taken: is guestd running already?`);
  }

  /** Earlier calls are still answered. */
  async giveUpName(): Promise<void> {
    await this.#parts.bus.releaseName(NAME);
  }

  /** Only logs failures: clients can do without the signal. */
  emit(signal: string, signature: string, body: readonly [string, VariantDict]): void {
    this.#send(dbus.Message.newSignal(OBJECT, INTERFACE, signal, signature, [...body]));
  }

  // Answers rejected calls here, because only the head was parsed.
  #judge(head: MessageHead): boolean {
    const fault = this.#findFault(head);
    if (fault === undefined) return true;
    if ((head.flags & NO_REPLY_EXPECTED) === 0) this.#sendError(head, fault.name, fault.text);
    return false;
  }

  #findFault(head: MessageHead): { readonly name: string; readonly text: string } | undefined {
    const { member, signature, bodyBytes } = head;
    const method = this.#find(head);
    const isStandard = head.interface === PEER || (head.interface === INTROSPECTABLE && member === "Introspect");
    if (isStandard && bodyBytes === 0) return undefined;
    if (method === undefined)
      return { name: UNKNOWN_METHOD, text: `There is no method ${member} that takes (${signature}).` };
    if (signature !== method.input)
      return errorOf("InvalidArgument", `${member} takes (${method.input}), not (${signature}).`);
    if (bodyBytes > MOST_ARGUMENT_BYTES)
      return errorOf("InvalidArgument", `${member} takes arguments of at most ${MOST_ARGUMENT_BYTES} bytes.`);
    if (this.#calls >= MOST_CALLS)
      return errorOf("Busy", "Too many calls are under way at the moment. Please try again.");
    return undefined;
  }

  // Without an interface, any with this member is meant (D-Bus specification).
  #find(call: Pick<MessageHead, "path" | "interface" | "member">): Method | undefined {
    const isOurs = call.path === OBJECT && (call.interface === INTERFACE || !call.interface);
    return isOurs ? this.#parts.methods.find(({ name }) => name === call.member) : undefined;
  }

  // Must not throw: dbus-next would send the stack trace to the client.
  #receive(message: Message): boolean {
    const { path, interface: of, member } = message;
    if (of === INTROSPECTABLE && member === "Introspect") {
      this.#send(dbus.Message.newMethodReturn(message, "s", [this.#describe(path)]));
      return true;
    }
    const method = this.#find(message);
    if (method === undefined) return false;
    void this.#answer(message, method);
    return true;
  }

  /** The interface, the next part of the path to it, or nothing. */
  #describe(path: string): string {
    if (path === OBJECT) return this.#parts.introspection;
    const above = path === "/" ? path : `${path}/`;
    const next = OBJECT.startsWith(above) ? `<node name="${OBJECT.slice(above.length).split("/")[0]}"/>` : "";
    return `<node>${next}</node>`;
  }

  async #answer(message: Message, method: Method): Promise<void> {
    this.#calls++;
    try {
      const body = await this.#call(message, method);
      this.#send(dbus.Message.newMethodReturn(message, method.output, [...body]));
    } catch (error) {
      this.#answerError(message, method.name, error);
    } finally {
      this.#calls--;
    }
  }

  async #call(message: Message, method: Method): Promise<readonly unknown[]> {
    const since = performance.now();
    const caller = await identifyCaller(this.#parts.bus, message.sender);
    // The bus policy forbids it, too.
    if (caller.uid !== 0) throw new GuestError("AccessDenied", `Only root may call ${method.name}.`);
    return method.handle(message.body as readonly unknown[], caller, since);
  }

  #answerError(message: Message, member: string, error: unknown): void {
    const known = error instanceof GuestError;
    const code: ErrorCode = known ? error.code : "Failed";
    const text = known ? error.message : "guestd has failed at this call; its journal says why.";
    if (code === "AccessDenied") this.#parts.onDenied(member, text);
    if (!known) this.#parts.onFault(member, error);
    const { name } = errorOf(code, text);
    this.#sendError({ sender: message.sender, serial: message.serial ?? 0 }, name, text);
  }

  #sendError(call: Pick<MessageHead, "sender" | "serial">, name: string, text: string): void {
    // dbus-next declares a string, but reads two fields of a message.
    this.#send(dbus.Message.newError(call as unknown as string, name, text));
  }

  #send(message: Message): void {
    try {
      this.#parts.bus.send(message);
    } catch (error) {
      this.#parts.onFault("a message to the bus", error);
    }
  }
}

const errorOf = (code: ErrorCode, text: string) => ({ name: `${ERROR_PREFIX}${code}`, text });
