import dbus from "dbus-next";
import { describe, expect, it } from "vitest";
import { Intake } from "../../../src/bus/intake.ts";
import type { MessageHead } from "../../../src/bus/message-head.ts";
import { readHead } from "../../../src/bus/message-head.ts";
import { bytesOf, fieldOf, messageOf } from "../../helpers/messages.ts";

const GREETING = Buffer.from("OK 1234deadbeef\r\n");
const CALL = {
  path: "/org/guestd1",
  interface: "org.guestd1.Manager",
  member: "EndSession",
  destination: "org.guestd1",
  sender: ":1.5",
};

/** An intake after the greeting, and the heads that the judge has seen. */
function intakeWith(judge: (head: MessageHead) => boolean = () => true) {
  const heads: MessageHead[] = [];
  const intake = new Intake();
  intake.judgeCalls((head) => {
    heads.push(head);
    return judge(head);
  });
  intake.pass(GREETING);
  return { intake, heads };
}

const signal = (signature: string, body: readonly unknown[]) =>
  bytesOf(new dbus.Message({ ...CALL, type: dbus.MessageType.SIGNAL, serial: 4, signature, body: [...body] }));
const call = (signature = "", body: readonly unknown[] = []) =>
  bytesOf(new dbus.Message({ ...CALL, serial: 7, flags: 1, signature, body: [...body] }));

describe("readHead", () => {
  it("reads sender and member, and never the body", () => {
    expect(readHead(call("s", ["abc"]).subarray(0, -8))).toEqual({
      ...{ type: 1, flags: 1, serial: 7, bodyBytes: 8, signature: "s" },
      ...{ path: CALL.path, interface: CALL.interface, member: CALL.member, sender: CALL.sender },
    });
  });

  it("reads a message in the other byte order", () => {
    const fields = [fieldOf(1, "o", CALL.path, "B"), fieldOf(3, "s", "Do", "B")];
    expect(readHead(messageOf({ type: 1, fields, order: "B" }))).toMatchObject({
      path: CALL.path,
      member: "Do",
      serial: 1,
    });
  });

  it.each([
    ["an unknown message type", { type: 5, fields: [] }],
    ["a header field of an invalid type", { type: 1, fields: [Buffer.from([42, 1, 0x76, 0, 0, 0, 0, 0])] }],
  ])("rejects %s", (_, message) => {
    expect(readHead(messageOf(message))).toBeUndefined();
  });
});

describe("Intake", () => {
  it("passes on what the judge lets in, however the bytes are split", () => {
    const all = Buffer.concat([GREETING, call("s", ["abc"]), call(), call("as", [["x", "yy"]])]);
    for (const size of [1, 3, 16, 100, all.length]) {
      const intake = new Intake();
      intake.judgeCalls(({ signature }) => signature !== "");
      const passed: Buffer[] = [];
      for (let at = 0; at < all.length; at += size) passed.push(intake.pass(all.subarray(at, at + size)));
      expect(Buffer.concat(passed)).toEqual(Buffer.concat([GREETING, call("s", ["abc"]), call("as", [["x", "yy"]])]));
    }
  });

  it("drops a body of 31 MiB as it arrives, judged once and before it is complete", () => {
    const { intake, heads } = intakeWith(() => false);
    const [before, after] = [call("av", [[]]), call("s", ["abc"])];
    const bodyBytes = 31 * 1024 * 1024;
    before.writeUInt32LE(bodyBytes, 4);
    expect(intake.pass(before)).toHaveLength(0);
    expect(heads).toMatchObject([{ bodyBytes, signature: "av" }]);
    // The body's first bytes have arrived already.
    let left = bodyBytes - 4;
    for (const piece = Buffer.alloc(65_536); left > 0; left -= piece.length)
      expect(intake.pass(piece.subarray(0, left))).toHaveLength(0);
    intake.judgeCalls(() => true);
    expect(intake.pass(after)).toEqual(after);
    expect(heads).toHaveLength(1);
  });

  it("refuses calls until there is a handler", () => {
    const intake = new Intake();
    expect(intake.isAtWork).toBe(false);
    expect(intake.pass(Buffer.concat([GREETING, call()]))).toEqual(GREETING);
    expect(intake.isAtWork).toBe(true);
  });

  it.each([
    ["that holds variants", signal("av", [[]]), false],
    ["that is long", signal("s", ["x".repeat(5000)]), false],
    ["of names", signal("sss", ["org.example", ":1.2", ""]), true],
    ["of a session of logind's", signal("so", ["2", "/org/freedesktop/login1/session/_32"]), true],
  ])("drops a signal %s, except those it listens to", (_, bytes, isLetIn) => {
    expect(intakeWith().intake.pass(bytes)).toEqual(isLetIn ? bytes : Buffer.alloc(0));
  });

  it("drops a message whose head is too long, or whose type is unknown", () => {
    const { intake, heads } = intakeWith();
    const long = messageOf({ type: 1, fields: [fieldOf(1, "o", `/${"x".repeat(20_000)}`)], body: Buffer.alloc(24) });
    expect(intake.pass(Buffer.concat([long, messageOf({ type: 7, fields: [] })]))).toHaveLength(0);
    expect(heads).toEqual([]);
    expect(intake.pass(call())).toEqual(call());
  });

  it("drops an answer longer than any that the machine's services send", () => {
    const { intake } = intakeWith();
    const answer = messageOf({ type: 2, fields: [fieldOf(8, "g", "ay")], body: Buffer.alloc(5 * 1024 * 1024) });
    expect(intake.pass(answer)).toHaveLength(0);
  });

  it("passes lines through until the bus says OK", () => {
    const intake = new Intake();
    const lines = Buffer.from("REJECTED EXTERNAL\r\nOK 12");
    expect(intake.pass(lines)).toEqual(lines);
    expect(intake.isAtWork).toBe(false);
    expect(intake.pass(Buffer.from("34\r\n")).toString()).toBe("34\r\n");
    expect(intake.isAtWork).toBe(true);
  });

  it("wraps a stream and reports its end", () => {
    const pushed: (Buffer | null)[] = [];
    const stream = {
      push: (chunk: Buffer | null) => {
        pushed.push(chunk);
        return false;
      },
    };
    const { intake } = intakeWith(() => false);
    intake.guard(stream);
    // Dropped messages need no drain of the stream.
    expect([stream.push(call()), stream.push(signal("s", ["x"])), stream.push(null)]).toEqual([true, false, false]);
    expect(pushed).toEqual([signal("s", ["x"]), null]);
  });
});
