// dbus-next does its work with the versions that package.json gives it, and without what it leaves out (DEPENDENCIES.md).
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";

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

// As dbus-next sees them, and not this project.
const load = createRequire(createRequire(import.meta.url).resolve("dbus-next"));
const codec = load("./lib/message.js") as Codec;
const MessageBus = load("./lib/bus.js") as new (connection: EventEmitter) => {
  export(path: string, what: unknown): void;
};
const { Interface } = load("./lib/service/interface.js") as { Interface: new (name: string) => unknown };

const METHOD_CALL = 1;
const CALL = { type: METHOD_CALL, serial: 7, path: "/org/guestd1", member: "Any" };

/** A connection to nobody, which keeps what is sent. */
class Line extends EventEmitter {
  readonly stream = new EventEmitter();
  readonly sent: Message[] = [];
  message(message: Message): void {
    this.sent.push(message);
  }
}

describe("dbus-next", () => {
  // By jsbi and long.
  it.each([
    ["x", [2n ** 63n - 1n, 0n, -1n, 1n - 2n ** 63n]],
    ["t", [2n ** 64n - 1n, 2n ** 53n + 1n, 0n]],
  ])("sends and reads 64-bit numbers whole: %s", (type, numbers) => {
    const signature = type.repeat(numbers.length);
    const [bytes] = codec.marshall({ ...CALL, signature, body: numbers });
    expect(codec.unmarshall(bytes).body).toEqual(numbers);
    expect(() => codec.marshall({ ...CALL, signature: type, body: [2n ** 64n] })).toThrow();
  });

  // By xml2js, which writes with xmlbuilder.
  it("says what is at a path that is not guestd's", () => {
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

  // A name that stands for another package is told by that package's own.
  it.each(["event-stream", "hexy", "usocket"])("finds nothing of %s, which is left out", (name) => {
    expect((load(`${name}/package.json`) as { name: string }).name).toBe("ini");
  });
});
