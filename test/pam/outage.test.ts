/**
 * Without guestd or the bus, guests are refused in bounded time; other users notice nothing. The upper limit is the
 * contract's (10 s in all). The lower one shows that the module waited as configured.
 */
import { readdirSync, readFileSync } from "node:fs";
import dbus from "dbus-next";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { buildModule, builds, errors, type Hook, runHost, runOnce } from "./host.ts";
import { session, silence, startScriptedGuestd } from "./scripted_guestd.ts";
import { accounts, createView, createWorld, describeAsRoot, until, type World } from "./world.ts";

const bound = 10_000;
const sentence = "Guest sessions are not available at the moment. Please ask the administrator of this machine.";

function expectRefusal(hook: Hook, reason: string | RegExp, result = "PAM_SESSION_ERR"): void {
  expect(hook.result).toBe(result);
  expect(hook.logged.join()).toMatch(reason);
  expect(errors(hook)).toEqual([sentence]);
  expect(hook.after).toEqual(hook.before);
  expect(hook.milliseconds).toBeLessThan(bound);
}

describeAsRoot.each(builds)("during an outage ($name)", { timeout: 60_000 }, (build) => {
  let world: World;
  const open = (options = "timeout=1", user: string = accounts.byPrimaryGroup) =>
    runOnce(world, { build, user, options });

  beforeAll(buildModule, 120_000);
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(() => world.stop());

  it("a guest is refused without a bus", async () => {
    expectRefusal(await open(), "OpenSession: connect to unix:path=/run/dbus/system_bus_socket: No such file");
  });

  it("a guest is refused where a dead bus has left its socket", async () => {
    await world.bus.start();
    await world.bus.stop();
    expectRefusal(await open(), "Connection refused");
  });

  it("a guest is refused where guestd is not installed", async () => {
    await world.bus.start();
    expectRefusal(await open("timeout=10"), "org.freedesktop.DBus.Error.ServiceUnknown");
  });

  it("a guest is refused where guestd cannot be started", async () => {
    world.bus.activateBy("/bin/false");
    await world.bus.start();
    expectRefusal(await open("timeout=10"), "org.freedesktop.DBus.Error.Spawn.ChildExited");
  });

  it("a guest is refused where guestd starts and never takes its name", async () => {
    world.bus.activateBy("/bin/sleep 60");
    await world.bus.start();
    const hook = await open();
    expectRefusal(hook, "OpenSession: Connection timed out");
    expect(hook.milliseconds).toBeGreaterThan(900);
  });

  it("a guest is refused where the bus accepts and never replies", async () => {
    await world.bus.start();
    world.bus.freeze();
    const hook = await open();
    expectRefusal(hook, "OpenSession: Connection timed out");
    expect(hook.milliseconds).toBeGreaterThan(900);
  });

  /** The module is waiting to try again. */
  const isTryingAgain = () =>
    readdirSync("/proc").some((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${world.directory}/pam.d-`) &&
          readFileSync(`/proc/${pid}/wchan`, "utf8").includes("nanosleep")
        );
      } catch {
        return false;
      }
    });

  it("a guest waits until the bus takes another connection", async () => {
    await world.bus.start(1);
    const other = dbus.sessionBus({ busAddress: world.busAddress });
    await new Promise((resolve) => other.once("connect", resolve));
    const opening = open("timeout=10");
    await until("the second attempt", isTryingAgain);
    other.disconnect();
    // With a single connection the bus has no guestd.
    expectRefusal(await opening, "org.freedesktop.DBus.Error.ServiceUnknown");
  });

  it("a guest is refused where the bus takes no other connection, after timeout= seconds", async () => {
    await world.bus.start(1);
    const other = dbus.sessionBus({ busAddress: world.busAddress });
    await new Promise((resolve) => other.once("connect", resolve));
    const hook = await open("timeout=1");
    other.disconnect();
    // On a busy machine the last attempt is late.
    expectRefusal(hook, /OpenSession: (No buffer space available|Connection timed out)/);
    expect(hook.milliseconds).toBeGreaterThan(800);
  });

  it("a guest is refused where guestd does not answer, after timeout= seconds", async () => {
    await world.bus.start();
    const guestd = await startScriptedGuestd(world);
    const hook = await open("timeout=2");
    guestd.stop();
    expectRefusal(hook, "OpenSession: Connection timed out");
    expect(hook.milliseconds).toBeGreaterThan(1900);
    expect(hook.milliseconds).toBeLessThan(4900);
  });

  it("a guest waits 5 seconds where timeout= is not given", async () => {
    await world.bus.start();
    const guestd = await startScriptedGuestd(world);
    const hook = await open("");
    guestd.stop();
    expectRefusal(hook, "OpenSession: Connection timed out");
    expect(hook.milliseconds).toBeGreaterThan(4900);
  });

  it("a guest is refused where guestd exits instead of answering", async () => {
    await world.bus.start();
    const guestd = await startScriptedGuestd(world);
    guestd.answer = () => {
      guestd.stop();
      return silence;
    };
    expectRefusal(await open("timeout=10"), "org.freedesktop.DBus.Error.NoReply");
  });

  it("a guest is refused where the bus exits instead of answering", async () => {
    await world.bus.start();
    const guestd = await startScriptedGuestd(world);
    guestd.answer = () => {
      void world.bus.stop();
      return silence;
    };
    expectRefusal(await open("timeout=10"), "OpenSession: ");
    guestd.stop();
  });

  it.each(["unshare", "setns"])("a guest is refused where %s(2) fails", async (call) => {
    await world.bus.start();
    const guestd = await startScriptedGuestd(world);
    const view = await createView(world);
    guestd.answer = session(view);
    const hook = await runOnce(world, {
      build,
      user: accounts.byPrimaryGroup,
      wrapper: ["strace", "-f", "-o", "/dev/null", "-e", `inject=${call}:error=EPERM`],
      environment: { ASAN_OPTIONS: "detect_leaks=0" },
    });
    guestd.stop();
    await view.stop();
    expectRefusal(
      hook,
      `${call === "setns" ? "setns to the mount namespace" : "unshare(CLONE_FS)"}: Operation not permitted`,
    );
  });

  it.each(["auth", "open"])("all other users log in without a delay (%s)", async (action) => {
    await world.bus.start();
    world.bus.freeze();
    const hook = await runOnce(world, { build, user: accounts.outsider, options: "timeout=10", action });
    expect(hook).toMatchObject({ result: "PAM_IGNORE", told: [], logged: [] });
    expect(hook.milliseconds).toBeLessThan(9000);
  });

  const authenticate = (options = "timeout=10") =>
    runOnce(world, { build, user: accounts.byPrimaryGroup, options, action: "auth" });

  it("a guest is not authenticated without a bus", async () => {
    expectRefusal(await authenticate(), "AllocateAccount: connect to unix:path=", "PAM_AUTH_ERR");
  });

  it("a guest is not authenticated where guestd is not installed", async () => {
    await world.bus.start();
    expectRefusal(await authenticate(), "org.freedesktop.DBus.Error.ServiceUnknown", "PAM_AUTH_ERR");
  });

  it("a guest is not authenticated where the bus accepts and never replies", async () => {
    await world.bus.start();
    world.bus.freeze();
    expectRefusal(await authenticate("timeout=1"), "AllocateAccount: Connection timed out", "PAM_AUTH_ERR");
  });

  it("a guest is not authenticated where guestd exits instead of answering", async () => {
    await world.bus.start();
    const guestd = await startScriptedGuestd(world);
    guestd.answer = () => {
      guestd.stop();
      return silence;
    };
    expectRefusal(await authenticate(), "org.freedesktop.DBus.Error.NoReply", "PAM_AUTH_ERR");
  });

  it.each([
    ["own program", ["euid=60601", "auth"]],
    ["remote login", ["rhost=2001:db8::1", "auth"]],
  ])("a guest's %s asks for a password without a bus, and needs none", async (_, actions) => {
    const [hook] = await runHost(world, { build, user: accounts.byPrimaryGroup, options: "timeout=1", actions });
    expect(hook).toMatchObject({ result: "PAM_IGNORE", told: [], logged: [] });
  });
});
