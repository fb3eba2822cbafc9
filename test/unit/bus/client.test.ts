import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import dbus from "dbus-next";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Client } from "../../../src/bus/client.ts";
import { FIXED_BYTES, METHOD_CALL, readHead, readLengths } from "../../../src/bus/message-head.ts";
import type { MessageHead } from "../../../src/bus/message-head.ts";
import { bytesOf, fieldOf, messageOf } from "../../helpers/messages.ts";

const answerTo = ({ serial }: MessageHead, signature: string, body: unknown[]) => {
  // A number, despite dbus-next's types.
  const replySerial = serial as unknown as string;
  return bytesOf(new dbus.Message({ type: dbus.MessageType.METHOD_RETURN, serial: 9, replySerial, signature, body }));
};
/** From another user. Parsing its body throws, because it has an invalid type. */
const signal = messageOf({
  type: 4,
  fields: [fieldOf(1, "o", "/x"), fieldOf(2, "s", "x.y"), fieldOf(3, "s", "Z"), fieldOf(8, "g", "av")],
  body: Buffer.from([4, 0, 0, 0, 1, 0x21, 0, 0]),
});
const call = bytesOf(new dbus.Message({ path: "/x", interface: "x.y", member: "Z", destination: ":1.7", serial: 5 }));

describe("Client", () => {
  let directory: string;
  let server: Server;
  let socket: Socket | undefined;
  /** What the client has sent after the greeting. */
  let sent: MessageHead[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "client-"));
    sent = [];
  });
  afterEach(() => {
    socket?.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  });

  /** The bus answers guestd's call after another user's message. */
  const connect = async (another: Buffer, signature: string, body: unknown[]) => {
    server = createServer((client) => {
      socket = client;
      client.once("data", () => client.write("OK 1234deadbeef\r\n"));
      let begun = Buffer.alloc(0);
      client.on("data", (data) => {
        const text = data.toString("latin1");
        if (text.startsWith("\0AUTH")) return;
        begun = Buffer.concat([begun, text.startsWith("BEGIN\r\n") ? data.subarray(7) : data]);
        while (begun.length > 0) {
          const { fieldsBytes, bodyBytes } = readLengths(begun);
          const head = readHead(begun.subarray(0, FIXED_BYTES + fieldsBytes));
          begun = begun.subarray(FIXED_BYTES + fieldsBytes + bodyBytes);
          if (head === undefined) throw new Error("no message");
          sent.push(head);
          if (head.member === "Hello") client.write(answerTo(head, "s", [":1.7"]));
          else if (head.type === METHOD_CALL) client.write(Buffer.concat([another, answerTo(head, signature, body)]));
        }
      });
    });
    server.listen(join(directory, "bus"));
    await once(server, "listening");
    return Client.connect(`unix:path=${join(directory, "bus")}`);
  };

  it.each([
    ["signals", signal],
    ["calls", call],
  ])("neither parses nor answers %s from others, and still gets its own answer", async (_, another) => {
    const client = await connect(another, "s", ["here"]);
    expect(await client.call("GetStatus")).toEqual(["here"]);
    expect(await client.call("GetStatus")).toEqual(["here"]);
    expect(sent.map(({ type, member }) => ({ type, member }))).toEqual(
      ["Hello", "GetStatus", "GetStatus"].map((member) => ({ type: METHOD_CALL, member })),
    );
    client.close();
  });

  it("accepts an answer longer than guestd itself accepts", async () => {
    const client = await connect(Buffer.alloc(0), "s", ["x".repeat(5 * 1024 * 1024)]);
    expect(await client.call("ListReceipts")).toEqual([expect.stringMatching(/^x{5242880}$/)]);
    client.close();
  });
});
