// dbus-next works with package.json's versions and omissions (DEPENDENCIES.md).
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readProjectFile } from "../helpers/tree.ts";

/** The lock file's entry of guestd's own package. */
const OWN: Readonly<Record<string, unknown>> = { resolved: "packaging/left-out", link: true };

const LEFT_OUT = ["event-stream", "hexy", "usocket"];

interface Message {
  readonly type?: number;
  readonly serial: number;
  readonly path: string;
  readonly interface?: string;
  readonly member: string;
  readonly signature: string;
  readonly body: readonly unknown[];
}
interface Codec {
  marshall(message: Message): [Buffer, unknown[]];
  unmarshall(bytes: Buffer): Message;
}

// Resolved from dbus-next, not from this project.
const load = createRequire(createRequire(import.meta.url).resolve("dbus-next"));
const codec = load("./lib/message.js") as Codec;
const MessageBus = load("./lib/bus.js") as new (connection: EventEmitter) => {
  export(path: string, what: unknown): void;
};
const { Interface } = load("./lib/service/interface.js") as { Interface: new (name: string) => unknown };
const connect = load("./lib/connection.js") as (options: { busAddress: string }) => { readonly stream: Socket };

const locked = (JSON.parse(readProjectFile("package-lock.json")) as { packages: Record<string, unknown> }).packages;

const directory = mkdtempSync(join(tmpdir(), "guestd-bus-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const METHOD_CALL = 1;
const CALL = { type: METHOD_CALL, serial: 7, path: "/org/guestd1", member: "Any" };

/** A connection without a peer. Keeps what is sent. */
class Line extends EventEmitter {
  readonly stream = new EventEmitter();
  readonly sent: Message[] = [];
  message(message: Message): void {
    this.sent.push(message);
  }
}

describe("dbus-next", () => {
  // Through jsbi and long.
  it.each([
    ["x", [2n ** 63n - 1n, 0n, -1n, 1n - 2n ** 63n]],
    ["t", [2n ** 64n - 1n, 2n ** 53n + 1n, 0n]],
  ])("sends and reads 64-bit numbers exactly: %s", (type, numbers) => {
    const signature = type.repeat(numbers.length);
    const [bytes] = codec.marshall({ ...CALL, signature, body: numbers });
    expect(codec.unmarshall(bytes).body).toEqual(numbers);
    expect(() => codec.marshall({ ...CALL, signature: type, body: [2n ** 64n] })).toThrow();
  });

  // Through xml2js, which writes with xmlbuilder.
  it("answers Introspect for its own paths and their parents", () => {
    const line = new Line();
    new MessageBus(line).export("/org/guestd1/a", new Interface("org.guestd1.A"));
    const ask = {
      ...CALL,
      sender: ":1.7",
      interface: "org.freedesktop.DBus.Introspectable",
      member: "Introspect",
      signature: "",
      body: [],
    };
    for (const path of ["/org", "/org/guestd1/a"]) line.emit("message", { ...ask, path });
    const [parent, own] = line.sent.slice(-2).map(({ body }) => String(body[0]));
    expect(parent).toMatch(/^<!DOCTYPE node [^>]*>\n<node>\s*<node name="guestd1"\/>\s*<\/node>$/);
    expect(own).toContain('<arg name="data" direction="out" type="s"/>');
    expect(own).toContain('<interface name="org.guestd1.A"/>');
  });

  // dbus-next would prefer usocket to node:net.
  it("connects through Node's own sockets", async () => {
    const socket = join(directory, "bus");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const connection = connect({ busAddress: `unix:path=${socket}` });
    expect(connection.stream).toBeInstanceOf(Socket);
    const [peer] = (await once(server, "connection")) as [Socket];
    // Every client sends a zero byte first.
    expect(((await once(peer, "data")) as [Buffer])[0][0]).toBe(0);
    connection.stream.destroy();
    peer.destroy();
    server.close();
  });
});

describe.each(LEFT_OUT)("the replaced package %s", (name) => {
  it("is guestd's own, and no other of that name", () => {
    expect((load(`${name}/package.json`) as { name: string }).name).toBe("guestd-left-out");
    const file = `node_modules/${name}`;
    const found = Object.entries(locked).filter(([path]) => path.endsWith(file));
    expect(found).toEqual([[file, OWN]]);
  });

  it("reports that to code that loads it", () => {
    expect(() => {
      load(name);
    }).toThrow("guestd does without this npm package, see DEPENDENCIES.md");
  });
});

describe("dbus-next's use of event-stream", () => {
  it("is refused with the reason", () => {
    expect(() => connect({ busAddress: "unixexec:path=/bin/true" })).toThrow("guestd does without this npm package");
  });
});
