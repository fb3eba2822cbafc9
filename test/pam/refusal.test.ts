/** Refused guests and invalid sessions: PAM_SESSION_ERR, and no namespace is entered. */
import { closeSync, fstatSync, openSync, readlinkSync } from "node:fs";
import dbus from "dbus-next";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { describeModule, type Fixture } from "./fixture.ts";
import { errors, type Hook } from "./host.ts";
import { type Answer, refused, session } from "./scripted_guestd.ts";
import { createView, type View } from "./world.ts";

const { Variant } = dbus;

const sentence = "Guest sessions are not available at the moment. Please ask the administrator of this machine.";

/** Expects the code, one log line, one sentence, and an unchanged process. */
function expectRefusal(hook: Hook, reason: string | RegExp, said = sentence): void {
  expect(hook.result).toBe("PAM_SESSION_ERR");
  expect(hook.logged).toHaveLength(1);
  expect(hook.logged[0]).toMatch(/^3 pam_guest\(login:session\): guest refused: /);
  expect(hook.logged[0]).toMatch(reason);
  expect(hook.told).toHaveLength(1);
  expect(errors(hook)).toEqual([said]);
  expect(hook.environment).toEqual([]);
  expect(hook.after).toEqual(hook.before);
}

describeModule("a refusal of guestd", (at) => {
  it.each([
    ["is shown to the guest", "No more guests today.", "No more guests today."],
    ["keeps UTF-8", "Gäste: “bitte” 😀", "Gäste: “bitte” 😀"],
    ["loses control characters", "\u001b[2J\u009b31mRed\r\n\u007f\u0085.", "[2J31mRed."],
    ["is never used as a format", "%s%n%1$n %m", "%s%n%1$n %m"],
    ["is cut at 511 bytes", "a".repeat(70_000), "a".repeat(511)],
    ["is cut before a character of two bytes", "ä".repeat(400), "ä".repeat(255)],
    ["is cut before a character of three bytes", "€".repeat(400), "€".repeat(170)],
    ["is cut before a character of four bytes", "😀".repeat(400), "😀".repeat(127)],
    ["is cut after a character that just fits", `xxx${"😀".repeat(400)}`, `xxx${"😀".repeat(127)}`],
    ["is replaced where it is empty", "", sentence],
    ["is replaced where nothing is left of it", "\n\u0007\u0090", sentence],
  ])("%s", async (_, text, said) => {
    at.guestd.answer = refused(text);
    expectRefusal(await at.once(), "OpenSession: org.guestd1.Error.Refused: ", said);
  });

  it.each([
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.guestd1.Errors.Refused",
    "org.guestd1.Error",
    `org.example.${"x".repeat(230)}`,
  ])("is not shown where its name is %s", async (name) => {
    at.guestd.answer = refused("Not for a person.\nforged line", name);
    expectRefusal(await at.once(), "Not for a person.forged line");
  });

  it("is logged and not shown where the application wants silence", async () => {
    at.guestd.answer = refused("No more guests today.");
    const hook = await at.once({ action: "open-silent" });
    expect(hook).toMatchObject({ result: "PAM_SESSION_ERR", told: [] });
    expect(hook.logged).toHaveLength(1);
  });
});

const withFields =
  (changes: Parameters<typeof session>[1]) =>
  (at: Fixture): Answer =>
    session(at.view, changes);

const withPath =
  (path: string | ((view: View) => string)) =>
  (at: Fixture): Answer =>
    session({ ...at.view, path: typeof path === "string" ? path : path(at.view) });

const variables = (fields: Record<string, string>) => withFields({ environment: new Variant("a{ss}", fields) });

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`V${String(i)}`, "x"]));

const text = (value: string) => new Variant("s", value);
const form = "is not of the form /proc/PID/fd/N";
const lacks = "lacks id, namespace or inode";

const badReplies: readonly [string, string, (at: Fixture) => Answer][] = [
  ["no id", lacks, withFields({ id: undefined })],
  ["no namespace", lacks, withFields({ namespace: undefined })],
  ["no inode", lacks, withFields({ inode: undefined })],
  ["no field at all", lacks, () => ({ kind: "return", signature: "a{sv}", body: [{}] })],
  ["an empty id", "field id", withFields({ id: text("") })],
  ["an empty namespace", "field namespace", withFields({ namespace: text("") })],
  ["an inode of 0", "field inode", withFields({ inode: new Variant("t", 0n) })],
  ["no value", "guestd's reply", () => ({ kind: "return", signature: "", body: [] })],
  ["a string instead of fields", "guestd's reply", () => ({ kind: "return", signature: "s", body: ["k3f9"] })],
  ["fields of strings", "guestd's reply", () => ({ kind: "return", signature: "a{ss}", body: [{ id: "k3f9" }] })],
  ["an id that is a number", "field id", withFields({ id: new Variant("u", 7) })],
  ["a namespace that is a number", "field namespace", withFields({ namespace: new Variant("t", 7n) })],
  ["an inode that is a string", "field inode", withFields({ inode: text("7") })],
  ["an inode of 32 bits", "field inode", withFields({ inode: new Variant("u", 7) })],
  ["an environment that is a list", "field environment", withFields({ environment: new Variant("as", ["A=b"]) })],
  ["an environment of variants", "field environment", withFields({ environment: new Variant("a{sv}", {}) })],
  ["an id of 65 letters", "field id", withFields({ id: text("a".repeat(65)) })],
  ["an id with a slash", "field id", withFields({ id: text("../etc") })],
  ["an id in capitals", "field id", withFields({ id: text("K3F9") })],
  ["an id with a line break", "field id", withFields({ id: text("k3f9\n") })],
  ["a namespace path of a megabyte", "field namespace", withPath(`/proc/1/fd/${"0".repeat(1 << 20)}`)],
  ["a path to a file", form, withPath("/etc/passwd")],
  ["the namespace of a process", form, withPath("/proc/1/ns/mnt")],
  ["a path with ..", form, withPath("/proc/1/fd/../ns/mnt")],
  ["a path with .. after it", form, withPath((view) => `${view.path}/../../ns/mnt`)],
  ["the path of a thread", form, withPath((view) => view.path.replace("/fd", "/task/1/fd"))],
  ["a path that is relative", form, withPath((view) => view.path.slice(1))],
  ["a path with two slashes", form, withPath((view) => `/${view.path}`)],
  ["a path without numbers", form, withPath("/proc/self/fd/3")],
  ["a path with an empty number", form, withPath("/proc//fd/3")],
  ["a path with a sign", form, withPath("/proc/+1/fd/3")],
  ["a path with a space", form, withPath((view) => `${view.path} `)],
  ["a descriptor that is not open", "No such file", withPath((view) => view.path.replace(/\d+$/, "999999"))],
  ["another inode", "is mount namespace", (at) => session({ ...at.view, inode: at.view.inode + 1n })],
  ["a variable with an empty name", "field environment", variables({ "": "x" })],
  ["a variable that begins with a digit", "field environment", variables({ "1A": "x" })],
  ["a variable with = in its name", "field environment", variables({ "A=B": "x" })],
  ["a variable with an accent in its name", "field environment", variables({ Ä: "x" })],
  ["a variable of the dynamic linker", "field environment", variables({ GOOD: "x", LD_PRELOAD: "/tmp/x.so" })],
  ["a value with a line break", "field environment", variables({ A: "x\nB=y" })],
  ["a value with an escape", "field environment", variables({ A: "\u001b[2J" })],
  ["a value with an escape of one character", "field environment", variables({ A: "a\u009b" })],
  ["a value of 4097 bytes", "field environment", variables({ A: "x".repeat(4097) })],
  ["a name of 4097 bytes", "field environment", variables({ ["A".repeat(4097)]: "x" })],
  ["65 variables", "field environment", variables(many(65))],
];

/** guestd holds this file, of any kind, as the session's namespace. */
function holding(file: string): Answer {
  const fd = openSync(file, "r");
  onTestFinished(() => {
    closeSync(fd);
  });
  const path = `/proc/${String(process.pid)}/fd/${String(fd)}`;
  return session({ path, inode: fstatSync(fd, { bigint: true }).ino });
}

describeModule("a reply with", (at) => {
  it.each(badReplies)("%s is refused, and no namespace is entered", async (_, reason, answer) => {
    at.guestd.answer = answer(at);
    expectRefusal(await at.once(), reason);
  });

  it("a descriptor that is no namespace is refused", async () => {
    at.guestd.answer = holding("/etc/hostname");
    expectRefusal(await at.once(), "is not a namespace");
  });

  it.each(["net", "pid", "user", "uts"])("a namespace of another type (%s) is refused", async (type) => {
    at.guestd.answer = holding(`/proc/self/ns/${type}`);
    expectRefusal(await at.once(), "is no mount namespace");
  });

  it("the login's own namespace is refused", async () => {
    const [, , target = ""] = at.world.enter;
    at.guestd.answer = holding(`/proc/${target}/ns/mnt`);
    expectRefusal(await at.once(), "is the mount namespace that this login comes from");
  });

  describe("a namespace of a guest", () => {
    let shaped: View;
    beforeAll(async () => {
      shaped = await createView(at.world, ["-U", "-r"]);
    });
    afterAll(() => shaped.stop());

    it("who created a user namespace for it is refused", async () => {
      expect(readlinkSync(shaped.path)).toMatch(/^mnt:/);
      at.guestd.answer = session(shaped);
      expectRefusal(await at.once(), "belongs to another user namespace");
    });
  });
});
