// Commands to a running qemu by its protocol QMP: one JSON object a line.
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** Does not depend on the machine. */
const ANSWER_LIMIT_MS = 60_000;

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

export class Qmp {
  readonly #socket: Socket;
  /** qemu answers in order. */
  readonly #waiting: ((message: Message) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => {
      const message = JSON.parse(line) as Message;
      // Everything else is an event, or the greeting.
      if (message.return !== undefined || message.error !== undefined) this.#waiting.shift()?.(message);
    });
  }

  static async connect(path: string): Promise<Qmp> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    // If the test has ended qemu, waiting commands fail by their limit.
    socket.on("error", () => undefined);
    const qmp = new Qmp(socket);
    await qmp.execute("qmp_capabilities");
    return qmp;
  }

  /** @throws Error with qemu's reason */
  async execute(command: string, args: object = {}): Promise<unknown> {
    const message = await new Promise<Message>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`qemu did not answer ${command}`));
      }, ANSWER_LIMIT_MS);
      this.#waiting.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
    if (message.error !== undefined) throw new Error(`qemu: ${command}: ${message.error.desc}`);
    return message.return;
  }

  close(): void {
    this.#socket.destroy();
  }
}
