// Messages in wire format: those that dbus-next can create, and invalid ones.
import { createRequire } from "node:module";
import type { Message } from "dbus-next";

const { marshallMessage } = createRequire(import.meta.url)("dbus-next/lib/marshall-compat.js") as {
  marshallMessage: (message: Message) => [Buffer, unknown[]];
};

export const bytesOf = (message: Message): Buffer => marshallMessage(message)[0];

type Order = "l" | "B";

const numberOf = (value: number, order: Order): Buffer => {
  const bytes = Buffer.alloc(4);
  if (order === "B") bytes.writeUInt32BE(value);
  else bytes.writeUInt32LE(value);
  return bytes;
};

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);

/** A header field. */
export function fieldOf(code: number, type: "s" | "o" | "g", text: string, order: Order = "l"): Buffer {
  const length = type === "g" ? Buffer.from([text.length]) : numberOf(text.length, order);
  return Buffer.concat([Buffer.from([code, 1, type.charCodeAt(0), 0]), length, Buffer.from(`${text}\0`)]);
}

/** Laid out as in the D-Bus specification. */
export function messageOf({
  type,
  fields,
  body = Buffer.alloc(0),
  order = "l",
}: {
  readonly type: number;
  readonly fields: readonly Buffer[];
  readonly body?: Buffer;
  readonly order?: Order;
}): Buffer {
  const list = fields.map((field, index) => (index === fields.length - 1 ? field : padded(field)));
  const array = Buffer.concat(list);
  const lengths = [body.length, 1, array.length].map((value) => numberOf(value, order));
  return Buffer.concat([Buffer.from([order.charCodeAt(0), type, 0, 1]), ...lengths, padded(array), body]);
}
