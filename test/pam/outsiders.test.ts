/** Other users log in as if guestd were not installed: PAM_IGNORE, and no connection to the bus. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeModule, type Fixture } from "./fixture.ts";
import { accounts } from "./world.ts";

const busSocket = "/run/dbus/system_bus_socket";

/** The hook's connect(2) calls. ASan's leak check cannot run under strace. */
async function connections(at: Fixture, user: string, action = "open"): Promise<string> {
  const trace = join(at.world.directory, `trace-${user}-${action}`);
  const wrapper = ["strace", "-f", "-o", trace, "-e", "trace=connect"];
  await at.once({ user, action, wrapper, environment: { ASAN_OPTIONS: "detect_leaks=0" } });
  return readFileSync(trace, "utf8");
}

/** Only the module's opens of this file fail. */
const failing = (file: string) => ({
  wrapper: ["strace", "-f", "-o", "/dev/null", "-P", file, "-e", "inject=openat:error=EMFILE"],
  environment: { ASAN_OPTIONS: "detect_leaks=0" },
});

describeModule("a user who is no guest", (at) => {
  it.each([
    ["in another group", accounts.outsider, ""],
    ["who is root", "root", ""],
    ["who does not exist", "nobody-of-this-name", ""],
    ["on a machine without the group", accounts.byPrimaryGroup, "group=no-such-group"],
    ["whose group has no name either", accounts.outsider, "group=no-such-group"],
    ["with the ghost's UID and a group that has a name", accounts.namesake, "group=no-such-group"],
    ["where group= names another group", accounts.byPrimaryGroup, "group=trusted"],
  ])("%s is ignored: no call, no message, no log, no change", async (_, user, options) => {
    const hooks = await at.run(["auth", "setcred", "open", "close"], { user, options });
    expect(hooks.map((hook) => hook.result)).toEqual(hooks.map(() => "PAM_IGNORE"));
    for (const hook of hooks) {
      expect(hook).toMatchObject({ told: [], logged: [], environment: [] });
      expect(hook.after).toEqual(hook.before);
    }
    expect(at.guestd.calls).toEqual([]);
  });

  it.each(["auth", "open"])("does not make the module connect to the bus (%s)", async (action) => {
    expect(await connections(at, accounts.outsider, action)).not.toContain(busSocket);
    expect(await connections(at, accounts.byPrimaryGroup, action)).toContain(busSocket);
  });

  it.each([
    ["auth", "auth"],
    ["open", "session"],
  ])("is mentioned in the log with debug (%s)", async (action, type) => {
    const hook = await at.once({ user: accounts.outsider, options: "debug", action });
    expect(hook.logged).toEqual([`7 pam_guest(login:${type}): not in group guests: nothing to do`]);
  });
});

describeModule("a user who may or may not be a guest", (at) => {
  it("is refused where the account cannot be read", async () => {
    const hook = await at.once({ ...failing("/etc/passwd") });
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(hook.logged.join()).toContain("cannot tell whether the user is in group guests: Too many open files");
    expect(hook.told).toHaveLength(1);
  });

  it("is refused where the group cannot be read", async () => {
    const hook = await at.once({ ...failing("/etc/group"), user: accounts.byMembership });
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(at.guestd.calls).toEqual([]);
  });

  // When a directory service does not answer, libc reports no such group.
  it("is refused where the group does not exist, but the user is the ghost, whose group has no name", async () => {
    const hook = await at.once({ user: accounts.ghost, options: "group=no-such-group" });
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(hook.logged.join()).toContain("cannot tell whether the user is in group no-such-group: No data available");
    expect(hook.told).toHaveLength(1);
    expect(at.guestd.calls).toEqual([]);
  });

  it.each(["/etc/passwd", "/etc/group"])(
    "authenticates with the other modules where %s cannot be read",
    async (file) => {
      const hook = await at.once({ ...failing(file), user: accounts.byMembership, action: "auth" });
      expect(hook).toMatchObject({ result: "PAM_IGNORE", told: [] });
      expect(hook.logged).toEqual([
        "3 pam_guest(login:auth): cannot tell whether the user is in group guests: Too many open files",
      ]);
      expect(at.guestd.calls).toEqual([]);
    },
  );

  it("is let in where the group cannot be read, but the user is root, who has to repair it", async () => {
    const hook = await at.once({ ...failing("/etc/group"), user: "root" });
    expect(hook.result).toBe("PAM_IGNORE");
  });

  it("is left to guestd where root is in the group", async () => {
    await at.once({ user: "root", options: "group=trusted" });
    expect(at.guestd.calls.map((call) => call.member)).toEqual(["OpenSession"]);
  });
});

describeModule("an unusable option", (at) => {
  it.each(["colour=blue", "timeout=0", "timeout=11", "timeout=5s", "timeout=-1", "timeout=", "timeout=005", "group="])(
    "(%s) is logged, and the default applies",
    async (option) => {
      const hook = await at.once({ options: option });
      expect(hook.result).toBe("PAM_SUCCESS");
      expect(hook.logged).toEqual([
        `3 pam_guest(login:session): option ignored: "${option}" (known: group=NAME, timeout=1..10, debug)`,
      ]);
    },
  );

  it.each(["timeout=1", "timeout=10", "debug", "group=guests"])("does not include options like %s", async (option) => {
    const hook = await at.once({ options: option });
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(hook.logged.join()).not.toContain("option ignored");
  });
});
