// Logs a user in through greetd (greetd-ipc(7)), if no question is asked.
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { endianness } from "node:os";

type Request =
  | { readonly type: "create_session"; readonly username: string }
  | { readonly type: "post_auth_message_response" }
  | { readonly type: "start_session"; readonly cmd: readonly string[]; readonly env: readonly string[] }
  | { readonly type: "cancel_session" };

type Response =
  | { readonly type: "success" }
  | { readonly type: "error"; readonly description: string }
  | {
      readonly type: "auth_message";
      readonly auth_message_type: "visible" | "secret" | "info" | "error";
      readonly auth_message: string;
    };

export class Greetd {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#socket = createConnection(path);
    this.#chunks = this.#socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async ask(request: Request): Promise<Response> {
    this.#socket.write(encode(request));
    const length = await this.#read(4);
    const body = await this.#read(IS_LITTLE ? length.readUInt32LE() : length.readUInt32BE());
    return JSON.parse(body.toString("utf8")) as Response;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #read(bytes: number): Promise<Buffer> {
    while (this.#rest.length < bytes) {
      const next = await this.#chunks.next();
      if (next.done === true) throw new Error("greetd has hung up");
      this.#rest = Buffer.concat([this.#rest, next.value]);
    }
    const found = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return found;
  }
}

const IS_LITTLE = endianness() === "LE";

/** The length in the machine's byte order, then JSON. */
function encode(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  if (IS_LITTLE) length.writeUInt32LE(body.length);
  else length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/**
 * @param tell shows a message of PAM
 * @returns why there is no session; undefined on success
 */
export async function logIn(
  greetd: Pick<Greetd, "ask">,
  user: string,
  session: { readonly command: string; readonly env: readonly string[] },
  tell: (message: string) => void,
): Promise<string | undefined> {
  let response = await greetd.ask({ type: "create_session", username: user });
  while (response.type === "auth_message") {
    const { auth_message: message, auth_message_type: kind } = response;
    if (kind === "secret" || kind === "visible") return cancel(greetd, `${user} is asked: ${message}`);
    tell(message);
    response = await greetd.ask({ type: "post_auth_message_response" });
  }
  if (response.type === "error") return cancel(greetd, response.description);
  const started = await greetd.ask({ type: "start_session", cmd: [session.command], env: session.env });
  return started.type === "success" ? undefined : cancel(greetd, "the session could not be started");
}

async function cancel(greetd: Pick<Greetd, "ask">, reason: string): Promise<string> {
  // If this fails, greetd has already ended the session.
  await greetd.ask({ type: "cancel_session" });
  return reason;
}

/** From the session's file; undefined if it names no command. */
export function readSession(name: string, text: string): { command: string; env: readonly string[] } | undefined {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
  const command = value("Exec").replace(/ ?%[a-zA-Z]/g, "");
  if (command === "") return undefined;
  const desktops = value("DesktopNames").replace(/;$/, "").replaceAll(";", ":") || name;
  return {
    command,
    env: ["XDG_SESSION_TYPE=wayland", `XDG_SESSION_DESKTOP=${name}`, `XDG_CURRENT_DESKTOP=${desktops}`],
  };
}
