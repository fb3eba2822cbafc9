/** The application that loads the module: threads, signals, descriptors, environment. */
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { errors, type Hook } from "./host.ts";
import { session, silence } from "./scripted_guestd.ts";

function only(hooks: readonly Hook[]): Hook {
  const [hook] = hooks;
  if (!hook || hooks.length > 1) throw new Error(`one hook, not ${String(hooks.length)}`);
  return hook;
}

describeModule("an application", (at) => {
  it("with threads gets its guest into the view, in its main thread", async () => {
    const hook = only(await at.run(["threaded", "open"]));
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(BigInt(hook.after.namespace)).toBe(at.view.inode);
  });

  it("that calls from another thread has its guest refused, before guestd is called", async () => {
    const hook = only(await at.run(["thread-open"]));
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(hook.logged.join()).toContain("not the main thread");
    expect(errors(hook)).toHaveLength(1);
    expect(hook.after).toEqual(hook.before);
    expect(at.guestd.calls).toEqual([]);
  });

  it("that calls from another thread is left alone with all other users", async () => {
    expect(only(await at.run(["thread-open"], { user: "root" })).result).toBe("PAM_IGNORE");
  });

  it("without standard input, output and error gets none", async () => {
    const hook = only(await at.run(["stdio-closed", "open"]));
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.after.descriptors).toBe(hook.before.descriptors);
  });

  it("that may open 16 files is served", async () => {
    expect(only(await at.run(["files=16", "open"])).result).toBe("PAM_SUCCESS");
  });

  it.each([0, 1, 2, 3, 4])("that has %d descriptors left is served or cleanly refused", async (left) => {
    // The first close has libpam read its files and load the module while that is possible.
    const lines = ["files=64", "close", "fill", `free=${String(left)}`, "open", "free=16"];
    const [, hook] = await at.run(lines);
    if (hook?.result === "PAM_SUCCESS") expect(BigInt(hook.after.namespace)).toBe(at.view.inode);
    else {
      // libpam turns it into PAM_SYSTEM_ERR if it cannot connect to the audit log either.
      expect(["PAM_SESSION_ERR", "PAM_SYSTEM_ERR"]).toContain(hook?.result);
      expect(hook?.logged[0]).toMatch(/guest refused: .*: Too many open files$/);
      expect(hook?.after).toEqual(hook?.before);
    }
    if (left === 0) expect(hook?.result).not.toBe("PAM_SUCCESS");
  });

  it("that ignores SIGCHLD still ignores it afterwards", async () => {
    const hook = only(await at.run(["ignore-children", "open"]));
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.after.signals).toBe(hook.before.signals);
  });

  it("that is interrupted constantly still gets its answer", async () => {
    at.guestd.answer = { kind: "later", answer: delay(500, session(at.view)) };
    const hook = only(await at.run(["interrupted", "open"]));
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.after.signals).toBe(hook.before.signals);
  });

  it("that is interrupted constantly waits exactly as long", async () => {
    at.guestd.answer = silence;
    const hook = only(await at.run(["interrupted", "open"], { options: "timeout=1" }));
    expect(hook.logged.join()).toContain("Connection timed out");
    expect(hook.milliseconds).toBeGreaterThan(900);
    expect(hook.milliseconds).toBeLessThan(10_000);
  });

  it("in a removed directory is in / afterwards", async () => {
    const hook = only(await at.run(["lost-directory", "open"]));
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.after).toMatchObject({ directory: "/", directoryIsHere: true });
  });

  it("with a hostile environment is not affected", async () => {
    const hook = await at.once({
      environment: {
        DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent",
        DBUS_STARTER_ADDRESS: "unix:path=/nonexistent",
        DBUS_STARTER_BUS_TYPE: "session",
        DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent",
        SYSTEMD_BUS_TIMEOUT: "1us",
        SYSTEMD_LOG_LEVEL: "debug",
        SYSTEMD_LOG_TARGET: "console",
        NOTIFY_SOCKET: "/nonexistent",
        LISTEN_FDS: "3",
        TMPDIR: "/nonexistent",
        HOME: "/nonexistent",
      },
    });
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.environment.toSorted()).toEqual(["GUEST_SESSION=k3f9", "TMPDIR=/tmp"]);
  });

  it("without an environment is not affected", async () => {
    const hook = await at.once({ wrapper: ["env", "-i"] });
    expect(hook.result).toBe("PAM_SUCCESS");
  });
});
