// greetd on a machine of the kind "desktop", through greetd-greeter.mjs.
import { startDisplayManager } from "./desktop.ts";
import type { Machine } from "./machine.ts";
import { readProjectFile } from "./tree.ts";
import { waitFor } from "./wait.ts";

export type Request =
  | { readonly type: "create_session"; readonly username: string }
  | { readonly type: "post_auth_message_response"; readonly response: string | null }
  | { readonly type: "start_session"; readonly cmd: readonly string[]; readonly env: readonly string[] }
  | { readonly type: "cancel_session" };

/** Its screen is in memory, and it needs no seat. */
export const SWAY = [
  "env",
  "WLR_BACKENDS=headless",
  "WLR_RENDERER=pixman",
  "WLR_LIBINPUT_NO_DEVICES=1",
  "sway",
] as const;

const CONFIG = `[terminal]
vt = "none"
[default_session]
command = "node /usr/local/lib/greetd-greeter.mjs"
user = "_greetd"
`;

export class Greetd {
  readonly #machine: Machine;

  private constructor(machine: Machine) {
    this.#machine = machine;
  }

  static async start(machine: Machine): Promise<Greetd> {
    await machine.write("/usr/local/lib/greetd-greeter.mjs", readProjectFile("test/helpers/greetd-greeter.mjs"));
    await machine.write("/etc/greetd/config.toml", CONFIG);
    await machine.sh(
      "mkdir /run/greeter; mkfifo /run/greeter/ask; touch /run/greeter/answers; chown -R _greetd /run/greeter",
    );
    await startDisplayManager(machine, "greetd");
    return new Greetd(machine);
  }

  /** Waits for a greeter that takes the request, and for its answer. */
  async ask(request: Request): Promise<unknown> {
    const before = (await this.#answers()).length;
    await this.#machine.sh("cat >/run/greeter/ask", { input: `${JSON.stringify(request)}\n` });
    const answer = await waitFor(`greetd's answer to ${request.type}`, async () => (await this.#answers())[before]);
    return JSON.parse(answer);
  }

  async #answers(): Promise<string[]> {
    return (await this.#machine.sh("cat /run/greeter/answers")).split("\n").filter((line) => line !== "");
  }
}
