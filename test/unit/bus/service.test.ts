import type { Message, MessageBus } from "dbus-next";
import dbus from "dbus-next";
import { describe, expect, it } from "vitest";
import { LateError } from "../../../src/bus/connection.ts";
import type { Method } from "../../../src/bus/service.ts";
import { Service } from "../../../src/bus/service.ts";
import { field } from "../../../src/bus/values.ts";
import { GuestError } from "../../../src/policy/errors.ts";

type Credentials = Record<string, unknown> | Error;

/** A bus with one caller, and a service on it with one method Do(s). */
async function serviceWith(credentials: Credentials, handle: Method["handle"]) {
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
  const service = new Service({
    bus: bus as unknown as MessageBus,
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
  return { service, sent, receive, answer, denied, faults, released };
}

const ROOT = { UnixUserID: field("u", 0), ProcessID: field("u", 77) };
const ok: Method["handle"] = ([text], caller) => Promise.resolve([`${String(text)} of ${caller.pid}`]);

describe("Service denies", () => {
  const leftBus = new dbus.DBusError("org.freedesktop.DBus.Error.NameHasNoOwner", "no");

  it.each<[string, Credentials, (string | undefined)?]>([
    ["a caller of another uid", { ...ROOT, UnixUserID: field("u", 1000) }],
    ["a caller whose uid the bus does not say", { ProcessID: field("u", 77) }],
    ["a caller whose pid is of another namespace", { ...ROOT, ProcessID: field("u", 0) }],
    ["a caller whose uid is no number", { ...ROOT, UnixUserID: field("s", "0") }],
    ["a caller of whom the bus does not know anything", new Error("odd")],
    ["a caller of whom the bus does not answer, and nobody hears of it", new LateError("late"), "Failed"],
    ["a caller that has left the bus, and nobody hears of it", leftBus, "LeaderGone"],
    ["a caller whose process has ended, and nobody hears of it", { UnixUserID: field("u", 0) }, "LeaderGone"],
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
  it("answers with what the method gives", async () => {
    const { receive, answer } = await serviceWith(ROOT, ok);
    expect(receive()).toBe(true);
    expect(await answer()).toMatchObject({ signature: "s", body: ["x of 77"], replySerial: 3 });
  });

  it("refuses arguments of another signature", async () => {
    const { receive, answer } = await serviceWith(ROOT, ok);
    receive({ signature: "u", body: [1] });
    expect(await answer()).toMatchObject({ errorName: "org.guestd1.Error.InvalidArgument" });
  });

  it("tells a GuestError's code and sentence", async () => {
    const { receive, answer } = await serviceWith(ROOT, () => Promise.reject(new GuestError("Refused", "Not today.")));
    receive();
    expect(await answer()).toMatchObject({ errorName: "org.guestd1.Error.Refused", body: ["Not today."] });
  });

  it("sends no stack and no inner text of a fault, and lives on", async () => {
    const { receive, answer, faults } = await serviceWith(ROOT, () =>
      Promise.reject(new Error("secret at /root/x.ts:3")),
    );
    receive();
    const reply = await answer();
    expect(reply).toMatchObject({ errorName: "org.guestd1.Error.Failed" });
    expect(JSON.stringify(reply?.body)).not.toContain("secret");
    expect(faults).toHaveLength(1);
  });

  it("is busy from the call to its answer, each of them, and not after a fault", async () => {
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

  it("is not busy with what is denied, or is nobody's call", async () => {
    const { service, sent, receive } = await serviceWith({ ...ROOT, UnixUserID: field("u", 1000) }, ok);
    receive({ member: "Nothing" });
    receive({ interface: "org.freedesktop.DBus.Introspectable", member: "Introspect", signature: "", body: [] });
    expect(service.isBusy).toBe(false);
    receive();
    await expect.poll(() => sent.length).toBe(2);
    await expect.poll(() => service.isBusy).toBe(false);
  });

  it("gives its own name back, and answers on", async () => {
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
