import type { Message, MessageBus } from "dbus-next";
import dbus from "dbus-next";
import { describe, expect, it } from "vitest";
import { LateError } from "../../../src/bus/connection.ts";
import type { Judge } from "../../../src/bus/intake.ts";
import type { MessageHead } from "../../../src/bus/message-head.ts";
import type { Method } from "../../../src/bus/service.ts";
import { MOST_ARGUMENT_BYTES, MOST_CALLS, Service } from "../../../src/bus/service.ts";
import { field } from "../../../src/bus/values.ts";
import { GuestError } from "../../../src/policy/errors.ts";

type Credentials = Record<string, unknown> | Error;

/** Calls Do("x"). */
const HEAD: MessageHead = {
  ...{ type: 1, flags: 0, serial: 3, bodyBytes: 6, path: "/org/guestd1", interface: "org.guestd1.Manager" },
  ...{ member: "Do", sender: ":1.5", signature: "s" },
};

/** A bus with one caller, and a service with one method Do(s). */
async function serviceWith(credentials: Credentials, handle: Method["handle"], isAtWork = true) {
  const sent: Message[] = [];
  const denied: string[] = [];
  const faults: unknown[] = [];
  const released: string[] = [];
  const handlers: ((message: Message) => boolean)[] = [];
  const bus = {
    addMethodHandler: (handler: (message: Message) => boolean) => handlers.push(handler),
    requestName: () => Promise.resolve(1),
    releaseName: (name: string) => {
      released.push(name);
      return Promise.resolve(1);
    },
    call: () => (credentials instanceof Error ? Promise.reject(credentials) : Promise.resolve({ body: [credentials] })),
    send: (message: Message) => sent.push(message),
  };
  let judge: Judge = () => false;
  const service = new Service({
    bus: bus as unknown as MessageBus,
    intake: {
      isAtWork,
      judgeCalls: (by) => {
        judge = by;
      },
    },
    methods: [{ name: "Do", input: "s", output: "s", handle }],
    introspection: "<node/>",
    onDenied: (member) => denied.push(member),
    onFault: (_, error) => faults.push(error),
  });
  await service.start();
  const receive = (change: object = {}) =>
    handlers[0]?.(
      new dbus.Message({
        path: "/org/guestd1",
        interface: "org.guestd1.Manager",
        member: "Do",
        sender: ":1.5",
        serial: 3,
        signature: "s",
        body: ["x"],
        ...change,
      }),
    );
  const answer = async () => {
    await expect.poll(() => sent.length).toBe(1);
    return sent[0];
  };
  const isLetIn = (change: Partial<MessageHead> = {}) => judge({ ...HEAD, ...change });
  return { service, sent, receive, isLetIn, answer, denied, faults, released };
}

const ROOT = { UnixUserID: field("u", 0), ProcessID: field("u", 77) };
const ok: Method["handle"] = ([text], caller) => Promise.resolve([`${String(text)} of ${caller.pid}`]);

describe("Service denies", () => {
  const leftBus = new dbus.DBusError("org.freedesktop.DBus.Error.NameHasNoOwner", "no");

  it.each<[string, Credentials, (string | undefined)?]>([
    ["a caller with another UID", { ...ROOT, UnixUserID: field("u", 1000) }],
    ["a caller without a UID on the bus", { ProcessID: field("u", 77) }],
    ["a caller whose PID is in another namespace", { ...ROOT, ProcessID: field("u", 0) }],
    ["a caller whose UID is no number", { ...ROOT, UnixUserID: field("s", "0") }],
    ["a caller without credentials", new Error("odd")],
    ["a caller whose credentials the bus does not return, with no message to anyone", new LateError("late"), "Failed"],
    ["a caller that has left the bus, with no message to anyone", leftBus, "LeaderGone"],
    ["a caller whose process has ended, with no message to anyone", { UnixUserID: field("u", 0) }, "LeaderGone"],
  ])("%s, without running the method", async (_, credentials, code = "AccessDenied") => {
    let ran = false;
    const { receive, answer, denied } = await serviceWith(credentials, () => {
      ran = true;
      return Promise.resolve([""]);
    });
    receive();
    expect(await answer()).toMatchObject({ errorName: `org.guestd1.Error.${code}` });
    expect(denied).toEqual(code === "AccessDenied" ? ["Do"] : []);
    expect(ran).toBe(false);
  });
});

describe("Service", () => {
  it("returns the method's result", async () => {
    const { receive, answer } = await serviceWith(ROOT, ok);
    expect(receive()).toBe(true);
    expect(await answer()).toMatchObject({ signature: "s", body: ["x of 77"], replySerial: 3 });
  });

  it.each<[string, Partial<MessageHead>, string]>([
    ["of another signature", { signature: "av" }, "org.guestd1.Error.InvalidArgument: Do takes (s), not (av)."],
    [
      "without a signature",
      { signature: "", bodyBytes: 0 },
      "org.guestd1.Error.InvalidArgument: Do takes (s), not ().",
    ],
    [
      "that exceed the size of a message",
      { bodyBytes: MOST_ARGUMENT_BYTES + 1 },
      "org.guestd1.Error.InvalidArgument: Do takes arguments of at most 65536 bytes.",
    ],
    ["for an unknown method", { member: "Undo" }, "org.freedesktop.DBus.Error.UnknownMethod: "],
    [
      "for another interface",
      { interface: "org.freedesktop.DBus.Properties" },
      "org.freedesktop.DBus.Error.UnknownMethod: ",
    ],
    ["for another object", { path: "/" }, "org.freedesktop.DBus.Error.UnknownMethod: "],
    [
      "for a method that is not offered",
      { interface: "org.freedesktop.DBus.Peer", member: "Ping", signature: "av" },
      "org.freedesktop.DBus.Error.UnknownMethod: ",
    ],
  ])("refuses arguments %s by the message head alone", async (_, change, error) => {
    const { isLetIn, answer } = await serviceWith(ROOT, ok);
    expect(isLetIn(change)).toBe(false);
    const { errorName, body, destination, replySerial } = (await answer()) ?? {};
    expect(`${String(errorName)}: ${String(body?.[0])}`).toContain(error);
    expect([destination, replySerial]).toEqual([":1.5", 3]);
  });

  it("sends no reply to a call that expects none", async () => {
    const { isLetIn, sent } = await serviceWith(ROOT, ok);
    expect(isLetIn({ signature: "av", flags: 1 })).toBe(false);
    expect(sent).toEqual([]);
  });

  it("lets in calls of its methods, and those that every bus client answers", async () => {
    const { isLetIn, sent } = await serviceWith(ROOT, ok);
    const none = { signature: "", bodyBytes: 0 };
    expect([
      isLetIn(),
      isLetIn({ interface: "" }),
      isLetIn({ interface: "org.freedesktop.DBus.Peer", member: "Ping", ...none }),
      isLetIn({ interface: "org.freedesktop.DBus.Introspectable", member: "Introspect", ...none }),
    ]).toEqual([true, true, true, true]);
    expect(sent).toEqual([]);
  });

  it("refuses a call only while too many are in progress", async () => {
    const held: (() => void)[] = [];
    const { service, isLetIn, receive, sent } = await serviceWith(ROOT, async () => {
      await new Promise<void>((resolve) => held.push(resolve));
      return [""];
    });
    for (let count = 0; count < MOST_CALLS; count++) {
      expect(isLetIn()).toBe(true);
      receive();
    }
    expect(isLetIn()).toBe(false);
    expect(sent).toMatchObject([{ errorName: "org.guestd1.Error.Busy" }]);
    await expect.poll(() => held.length).toBe(MOST_CALLS);
    for (const finish of held) finish();
    await expect.poll(() => service.isBusy).toBe(false);
    expect(isLetIn()).toBe(true);
  });

  it("does not start on an unfiltered connection", async () => {
    await expect(serviceWith(ROOT, ok, false)).rejects.toThrow("not judged");
  });

  it("returns a GuestError's code and sentence", async () => {
    const { receive, answer } = await serviceWith(ROOT, () => Promise.reject(new GuestError("Refused", "Not today.")));
    receive();
    expect(await answer()).toMatchObject({ errorName: "org.guestd1.Error.Refused", body: ["Not today."] });
  });

  it("hides the stack and text of an internal error, and keeps running", async () => {
    const { receive, answer, faults } = await serviceWith(ROOT, () =>
      Promise.reject(new Error("secret at /root/x.ts:3")),
    );
    receive();
    const reply = await answer();
    expect(reply).toMatchObject({ errorName: "org.guestd1.Error.Failed" });
    expect(JSON.stringify(reply?.body)).not.toContain("secret");
    expect(faults).toHaveLength(1);
  });

  it("is busy from each call to its answer, and not after an error", async () => {
    const held: (() => void)[] = [];
    const { service, sent, receive } = await serviceWith(ROOT, async ([text]) => {
      await new Promise<void>((resolve) => held.push(resolve));
      if (held.length > 2) throw new Error("secret");
      return [String(text)];
    });
    expect(service.isBusy).toBe(false);
    for (let call = 0; call < 2; call++) receive();
    expect(service.isBusy).toBe(true);
    await expect.poll(() => held.length).toBe(2);
    held[0]?.();
    await expect.poll(() => sent.length).toBe(1);
    expect(service.isBusy).toBe(true);
    held[1]?.();
    await expect.poll(() => service.isBusy).toBe(false);
    receive();
    await expect.poll(() => held.length).toBe(3);
    held[2]?.();
    await expect.poll(() => service.isBusy).toBe(false);
    expect(sent).toHaveLength(3);
  });

  it("is not busy with denied or foreign calls", async () => {
    const { service, sent, receive } = await serviceWith({ ...ROOT, UnixUserID: field("u", 1000) }, ok);
    receive({ member: "Nothing" });
    receive({ interface: "org.freedesktop.DBus.Introspectable", member: "Introspect", signature: "", body: [] });
    expect(service.isBusy).toBe(false);
    receive();
    await expect.poll(() => sent.length).toBe(2);
    await expect.poll(() => service.isBusy).toBe(false);
  });

  it.each([
    ["/org/guestd1", "<node/>"],
    ["/", '<node><node name="org"/></node>'],
    ["/org", '<node><node name="guestd1"/></node>'],
    ["/org/guestd1/x", "<node></node>"],
    ["/org/guest", "<node></node>"],
    ["/orga", "<node></node>"],
  ])("describes what is at %s", async (path, xml) => {
    const { receive, answer } = await serviceWith(ROOT, ok);
    receive({ path, interface: "org.freedesktop.DBus.Introspectable", member: "Introspect", signature: "", body: [] });
    expect(await answer()).toMatchObject({ body: [xml] });
  });

  it("releases its name, and still answers", async () => {
    const { service, receive, answer, released } = await serviceWith(ROOT, ok);
    await service.giveUpName();
    expect(released).toEqual(["org.guestd1"]);
    receive();
    expect(await answer()).toMatchObject({ body: ["x of 77"] });
  });

  it("leaves other objects, interfaces and members to the bus", async () => {
    const { receive } = await serviceWith(ROOT, ok);
    expect(receive({ path: "/else" })).toBe(false);
    expect(receive({ interface: "org.freedesktop.DBus.Properties", member: "Set" })).toBe(false);
    expect(receive({ member: "Nothing" })).toBe(false);
  });
});
