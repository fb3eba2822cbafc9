/** pam_authenticate as root: guests without a password, and their accounts. */
import dbus from "dbus-next";
import { expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { errors, type Hook } from "./host.ts";
import { type Answer, refused, session, silence, verdict } from "./scripted_guestd.ts";
import { accounts } from "./world.ts";

const { Variant } = dbus;

const sentence = "Guest sessions are not available at the moment. Please ask the administrator of this machine.";

/** guestd leases this account. It is in the group of guests. */
const leased = accounts.byPrimaryGroup;
const ghost = accounts.byMembership;

/** Expects the code, one log line, one sentence, and an unchanged user and process. */
function expectRefusal(hook: Hook, reason: string | RegExp, said = sentence): void {
  expect(hook).toMatchObject({ result: "PAM_AUTH_ERR", user: ghost });
  expect(hook.logged).toHaveLength(1);
  expect(hook.logged[0]).toMatch(/^3 pam_guest\(login:auth\): guest refused: /);
  expect(hook.logged[0]).toMatch(reason);
  expect(errors(hook)).toEqual([said]);
  expect(hook.told).toHaveLength(1);
  expect(hook.after).toEqual(hook.before);
}

const fields = (of: Record<string, dbus.Variant>): Answer => ({ kind: "return", signature: "a{sv}", body: [of] });
const text = (value: string) => new Variant("s", value);

const badReplies: readonly [string, string, Answer][] = [
  ["no field", "lacks verdict", fields({})],
  ["no verdict", "lacks verdict", fields({ user: text(leased) })],
  ["a verdict that nobody knows", "field verdict", verdict("welcome", leased)],
  ["a verdict in capitals", "field verdict", verdict("Leased", leased)],
  ["a verdict with something after it", "field verdict", verdict("unlocked ")],
  ["an empty verdict", "field verdict", verdict("")],
  ["a verdict of a megabyte", "field verdict", verdict("a".repeat(1 << 20))],
  ["a verdict that is true", "field verdict", fields({ verdict: new Variant("b", true) })],
  ["a verdict that is a number", "field verdict", fields({ verdict: new Variant("u", 1), user: text(leased) })],
  ["no user", "lacks user", verdict("leased")],
  ["a user that is a number", "field user", fields({ verdict: text("leased"), user: new Variant("u", 60601) })],
  ["an empty user", "field user", verdict("leased", "")],
  ["a user in capitals", "field user", verdict("leased", "Guest")],
  ["a user that begins with a digit", "field user", verdict("leased", "0")],
  ["a user that begins with a hyphen", "field user", verdict("leased", "-guest")],
  ["a user that begins with an underscore", "field user", verdict("leased", "_guest")],
  ["a user with a slash", "field user", verdict("leased", "guest/x")],
  ["a user with a dot", "field user", verdict("leased", "guest.x")],
  ["a user with a colon", "field user", verdict("leased", "guest:x")],
  ["a user with a space", "field user", verdict("leased", "guest x")],
  ["a user with a line break", "field user", verdict("leased", "guest\n")],
  ["a user with an accent", "field user", verdict("leased", "gäst")],
  ["a user full of format characters", "field user", verdict("leased", accounts.oddName)],
  ["a user of 33 characters", "field user", verdict("leased", "g".repeat(33))],
  ["a user of 32 characters whom nobody knows", "is not a guest", verdict("leased", "g".repeat(32))],
  ["root for a user", "leased account root is not a guest", verdict("leased", "root")],
  ["a user who is no guest", "leased account ada is not a guest", verdict("leased", accounts.outsider)],
  ["a user who is unlocked", "has a user that is not leased", verdict("unlocked", leased)],
  ["a user who is ignored", "has a user that is not leased", verdict("ignored", leased)],
  ["no value", "guestd's reply", { kind: "return", signature: "", body: [] }],
  ["a string instead of fields", "guestd's reply", { kind: "return", signature: "s", body: ["leased"] }],
  ["fields of strings", "guestd's reply", { kind: "return", signature: "a{ss}", body: [{ verdict: "unlocked" }] }],
  ["a session", "lacks verdict", fields({ id: text("k3f9"), namespace: text("/proc/1/fd/3") })],
];

describeModule("an answer of guestd with", (at) => {
  it.each(badReplies)("%s does not let the guest in", async (_, reason, answer) => {
    at.guestd.answer = answer;
    expectRefusal(await at.once({ action: "auth", user: ghost }), reason);
  });
});

describeModule("a guest who authenticates", (at) => {
  const authenticate = (answer: Answer, settings: Parameters<typeof at.once>[0] = {}) => {
    at.guestd.answer = answer;
    return at.once({ action: "auth", user: ghost, ...settings });
  };

  it("is refused with guestd's sentence where guestd refuses", async () => {
    const hook = await authenticate(refused("No more guests today."));
    expectRefusal(hook, "AllocateAccount: org.guestd1.Error.Refused: No more", "No more guests today.");
  });

  it("is turned away where guestd does not know the method", async () => {
    expectRefusal(await authenticate(refused("No.", "org.freedesktop.DBus.Error.UnknownMethod")), "UnknownMethod");
  });

  it("is refused where guestd hangs, after timeout= seconds", async () => {
    const hook = await authenticate(silence, { options: "timeout=1" });
    expectRefusal(hook, "AllocateAccount: Connection timed out");
    expect(hook.milliseconds).toBeGreaterThan(900);
    expect(hook.milliseconds).toBeLessThan(10_000);
  });

  it("is told nothing where the application wants silence", async () => {
    const hook = await authenticate(refused("No more guests today."), { action: "auth-silent" });
    expect(hook).toMatchObject({ result: "PAM_AUTH_ERR", told: [] });
    expect(hook.logged).toHaveLength(1);
  });

  it("never becomes root, not even where root is in the group", async () => {
    const root = verdict("leased", "root");
    const hook = await authenticate(root, { options: "group=trusted", user: "root" });
    expect(hook).toMatchObject({ result: "PAM_AUTH_ERR", user: "root" });
    expect(hook.logged.join()).toContain("leased account root is not a guest");
  });

  it("becomes the leased account", async () => {
    const hook = await authenticate(verdict("leased", leased));
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", user: leased, told: [], logged: [], environment: [] });
    expect(hook.after).toEqual(hook.before);
  });

  it("keeps their account when unlocking the screen", async () => {
    const hook = await authenticate(verdict("unlocked"));
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", user: ghost, told: [], logged: [] });
  });

  it("is left to the other modules where guestd ignores them", async () => {
    const hook = await authenticate(verdict("ignored"));
    expect(hook).toMatchObject({ result: "PAM_IGNORE", user: ghost, told: [], logged: [] });
  });

  it("needs none of the fields of a later guestd", async () => {
    const later = new Variant("a(ss)", [["some", "thing"]]);
    const hook = await authenticate(fields({ later, verdict: text("leased"), user: text(leased) }));
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", user: leased });
  });

  it("is reported with user, service, tty and remote host", async () => {
    at.guestd.answer = verdict("ignored");
    await at.run(["tty=tty2", "auth"], { user: ghost, service: "gdm-password" });
    const nothing = { rhost: text(""), terms: text(""), answer: text("") };
    const body = [{ user: text(ghost), service: text("gdm-password"), tty: text("tty2"), ...nothing }];
    expect(at.guestd.calls).toEqual([{ member: "AllocateAccount", signature: "a{sv}", body }]);
  });

  it.each(["2001:db8::1", "localhost", " "])(
    "is left to the other modules when remote (%j), without a call to guestd",
    async (rhost) => {
      at.guestd.answer = verdict("leased", leased);
      const [hook] = await at.run([`rhost=${rhost}`, "auth"], { user: ghost, service: "sshd" });
      expect(hook).toMatchObject({ result: "PAM_IGNORE", user: ghost, told: [], logged: [] });
      expect(hook?.after).toEqual(hook?.before);
      expect(at.guestd.calls).toEqual([]);
    },
  );

  it("opens the session of the leased account", async () => {
    at.guestd.answer = (call) => (call.member === "AllocateAccount" ? verdict("leased", leased) : session(at.view));
    const hooks = await at.run(["auth", "open", "close"], { user: ghost });
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS", "PAM_SUCCESS"]);
    expect(at.guestd.calls[1]?.body[0]).toMatchObject({ user: text(leased), uid: new Variant("u", 60601) });
  });

  it("gets no session where the account was withdrawn in between, as its name is then unknown", async () => {
    at.guestd.answer = verdict("leased", leased);
    const hooks = await at.run(["auth", "user=guest-gone", "open"], { user: ghost });
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SESSION_ERR"]);
    expect(hooks[1]?.logged.join()).toContain("guest-gone has been taken back");
    expect(at.guestd.calls).toHaveLength(1);
  });

  it("does not affect the next user to authenticate", async () => {
    at.guestd.answer = verdict("leased", leased);
    const hooks = await at.run(["auth", `user=${accounts.outsider}`, "auth", "open"], { user: ghost });
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_IGNORE", "PAM_IGNORE"]);
  });

  it("is given no credentials by this module", async () => {
    expect(await at.once({ action: "setcred", user: ghost })).toMatchObject({
      result: "PAM_IGNORE",
      told: [],
      logged: [],
    });
    expect(at.guestd.calls).toEqual([]);
  });

  it("can be authenticated from another thread than the main thread", async () => {
    at.guestd.answer = verdict("leased", leased);
    const [hook] = await at.run(["thread-auth"], { user: ghost });
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", user: leased });
  });

  it("is not affected by the environment", async () => {
    const address = "unix:path=/nonexistent";
    const environment = {
      DBUS_SYSTEM_BUS_ADDRESS: address,
      SYSTEMD_BUS_TIMEOUT: "1us",
      PAM_USER: "root",
      USER: "root",
    };
    const hook = await authenticate(verdict("leased", leased), { environment });
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", user: leased, environment: [] });
  });

  it("is asked again in a later round of an application that authenticates repeatedly", async () => {
    at.guestd.answer = verdict("leased", leased);
    const hooks = await at.run(["auth", "auth"], { user: ghost });
    expect(hooks.map((hook) => hook.result)).toEqual(["PAM_SUCCESS", "PAM_SUCCESS"]);
    const asked = [[{ user: text(ghost) }], [{ user: text(leased) }]];
    expect(at.guestd.calls.map((call) => call.body)).toMatchObject(asked);
  });
});

describeModule("a user name that PAM has to ask for", (at) => {
  const authenticate = (answer?: string) => {
    at.guestd.answer = verdict("leased", leased);
    return at.once({ action: "auth", user: "", ...(answer === undefined ? {} : { environment: { ANSWER: answer } }) });
  };

  it("is asked for", async () => {
    expect(await authenticate(ghost)).toMatchObject({ result: "PAM_SUCCESS", user: leased });
  });

  it("that is not given leaves everything to the other modules", async () => {
    expect(await authenticate()).toMatchObject({ result: "PAM_IGNORE", user: "", logged: [] });
    expect(at.guestd.calls).toEqual([]);
  });

  it("that is given later makes the application call again", async () => {
    expect(await authenticate("later")).toMatchObject({ result: "PAM_INCOMPLETE", user: "", logged: [] });
  });
});
