import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Greetd, logIn, readSession } from "../../../src/autologin/greetd.ts";

type Response = Awaited<ReturnType<Greetd["ask"]>>;
const SESSION = { command: "sway", env: ["A=b"] };
const SUCCESS: Response = { type: "success" };
const message = (kind: "info" | "secret", text: string): Response => ({
  type: "auth_message",
  auth_message_type: kind,
  auth_message: text,
});

/** @param answers from greetd */
async function logInWith(...answers: readonly Response[]) {
  const rest = [...answers];
  const asked: unknown[] = [];
  const told: string[] = [];
  const ask = (request: unknown) => {
    asked.push(request);
    return Promise.resolve(rest.shift() ?? SUCCESS);
  };
  const fault = await logIn({ ask }, "guest", SESSION, (text) => told.push(text));
  return { fault, told, asked: asked.map((one) => (one as { type: string }).type) };
}

describe("guest-greeter", () => {
  it("logs the guest in without a question, and shows what PAM says", async () => {
    expect(await logInWith(message("info", "All goes."), SUCCESS)).toEqual({
      fault: undefined,
      told: ["All goes."],
      asked: ["create_session", "post_auth_message_response", "start_session"],
    });
  });

  it.each<[string, readonly Response[], string]>([
    ["is asked for a password", [message("secret", "Password:")], "guest is asked: Password:"],
    ["is refused", [{ type: "error", description: "AUTH_ERR" }], "AUTH_ERR"],
    ["has no session", [SUCCESS, { type: "error", description: "x" }], "the session could not be started"],
  ])("gives way when the guest %s, and says why", async (_, answers, reason) => {
    const { fault, asked } = await logInWith(...answers);
    expect(fault).toBe(reason);
    expect(asked.at(-1)).toBe("cancel_session");
  });
});

describe("the session in a .desktop file", () => {
  it("is its command without field codes, and its desktop names", () => {
    expect(readSession("kiosk", "[Desktop Entry]\nExec=cage -- firefox %u\nDesktopNames=A;B;\n")).toEqual({
      command: "cage -- firefox",
      env: ["XDG_SESSION_TYPE=wayland", "XDG_SESSION_DESKTOP=kiosk", "XDG_CURRENT_DESKTOP=A:B"],
    });
    expect(readSession("kiosk", "[Desktop Entry]\nTryExec=x\n")).toBeUndefined();
  });
});

describe("greetd's protocol", () => {
  it("prefixes each message with its length, however the bytes arrive", async () => {
    const directory = mkdtempSync(join(tmpdir(), "guestd-greetd-"));
    const little = endianness() === "LE";
    const server = createServer((socket) => {
      socket.once("data", (request) => {
        const length = little ? request.readUInt32LE() : request.readUInt32BE();
        expect(JSON.parse(request.subarray(4).toString())).toEqual({ type: "cancel_session" });
        expect(length).toBe(request.length - 4);
        const body = Buffer.from('{"type":"success"}');
        const head = Buffer.alloc(4);
        if (little) head.writeUInt32LE(body.length);
        else head.writeUInt32BE(body.length);
        socket.write(head.subarray(0, 3), () => socket.end(Buffer.concat([head.subarray(3), body])));
      });
    });
    const path = join(directory, "socket");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const greetd = new Greetd(path);
    expect(await greetd.ask({ type: "cancel_session" })).toEqual(SUCCESS);
    await expect(greetd.ask({ type: "cancel_session" })).rejects.toThrow();
    greetd.close();
    server.close();
    rmSync(directory, { recursive: true });
  });
});
