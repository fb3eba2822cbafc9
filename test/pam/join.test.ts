/** A guest whom guestd admits: what the module asks, and the process afterwards. */
import dbus from "dbus-next";
import { expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { refused, session } from "./scripted_guestd.ts";
import { accounts, directories } from "./world.ts";

const { Variant } = dbus;

describeModule("a guest with a session", (at) => {
  it("is in guestd's namespace, with the environment from guestd", async () => {
    const hook = await at.once();
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(BigInt(hook.after.namespace)).toBe(at.view.inode);
    expect(hook.after.namespace).not.toBe(hook.before.namespace);
    expect(hook.environment.toSorted()).toEqual(["GUEST_SESSION=k3f9", "TMPDIR=/tmp"]);
    expect(hook).toMatchObject({ told: [], logged: [] });
  });

  it("is reported with account, service, tty, remote host, display and seat", async () => {
    await at.run(["tty=pts/7", "rhost=2001:db8::1", "display=:3", "env=XDG_SEAT=seat-1", "open"], { service: "sshd" });
    expect(at.guestd.calls).toEqual([
      {
        member: "OpenSession",
        signature: "a{sv}",
        body: [
          {
            user: new Variant("s", accounts.byPrimaryGroup),
            uid: new Variant("u", 60601),
            gid: new Variant("u", 990),
            home: new Variant("s", "/home/guest-k3f9"),
            shell: new Variant("s", "/bin/bash"),
            service: new Variant("s", "sshd"),
            tty: new Variant("s", "pts/7"),
            rhost: new Variant("s", "2001:db8::1"),
            display: new Variant("s", ":3"),
            seat: new Variant("s", "seat-1"),
            terms: new Variant("s", ""),
            answer: new Variant("s", ""),
          },
        ],
      },
    ]);
  });

  it("is reported with empty strings where PAM knows nothing", async () => {
    await at.once();
    const none = new Variant("s", "");
    expect(at.guestd.calls[0]?.body[0]).toMatchObject({ tty: none, rhost: none, display: none, seat: none });
  });

  it.each([
    ["by primary group", accounts.byPrimaryGroup],
    ["by membership", accounts.byMembership],
    ["by a membership that only getgrouplist(3) finds", accounts.bySecondSource],
    ["with a name full of format characters", accounts.oddName],
  ])("can be a guest %s", async (_, user) => {
    const hook = await at.once({ user });
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(at.guestd.calls[0]?.body[0]).toMatchObject({ user: new Variant("s", user) });
  });

  it("can be defined by group=", async () => {
    const hook = await at.once({ user: accounts.bySecondSource, options: "group=more-guests" });
    expect(hook.result).toBe("PAM_SUCCESS");
  });

  it("keeps the working directory, by path", async () => {
    const hook = await at.once({ directory: directories.both });
    expect(hook.after).toMatchObject({ directory: directories.both, directoryIsHere: true });
  });

  it("is in / where the view lacks the directory", async () => {
    const hook = await at.once({ directory: directories.outside });
    expect(hook.after).toMatchObject({ directory: "/", directoryIsHere: true });
  });

  it("keeps descriptors, umask and signal dispositions", async () => {
    const { before, after } = await at.once();
    expect(after).toMatchObject({ descriptors: before.descriptors, umask: 0o27, signals: before.signals });
  });

  it("needs neither an environment nor the fields of a later guestd", async () => {
    const later = new Variant("a(ss)", [["some", "thing"]]);
    at.guestd.answer = session(at.view, { environment: undefined, later });
    const hook = await at.once();
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", environment: [] });
  });

  it("gets an environment up to its limits", async () => {
    const names = Array.from({ length: 64 }, (_, i) => `_V${String(i)}`);
    const variables = Object.fromEntries(names.map((name) => [name, "ä".repeat(2048)]));
    at.guestd.answer = session(at.view, { environment: new Variant("a{ss}", variables) });
    const hook = await at.once();
    expect(hook).toMatchObject({ result: "PAM_SUCCESS" });
    expect(hook.environment).toHaveLength(64);
  });
});

describeModule("a user manager (service systemd-user)", (at) => {
  const service = "systemd-user";

  it("joins the session of its UID", async () => {
    const hook = await at.once({ service });
    expect(hook.result).toBe("PAM_SUCCESS");
    expect(BigInt(hook.after.namespace)).toBe(at.view.inode);
    expect(at.guestd.calls).toEqual([{ member: "JoinSession", signature: "u", body: [60601] }]);
  });

  it("does not close that session when it ends", async () => {
    // [success=ok] as in the shipped profile: libpam never reports PAM_IGNORE for a hook whose open succeeded.
    const stack = [`[success=ok default=die] ${at.build.module}`, "required pam_permit.so"];
    const [, close] = await at.run(["open", "close"], { service, stack });
    expect(close?.result).toBe("PAM_SUCCESS");
    expect(at.guestd.calls.map((call) => call.member)).toEqual(["JoinSession"]);
  });

  it("is refused where its session cannot be joined", async () => {
    at.guestd.answer = refused("Several sessions share this account.", "org.guestd1.Error.NoSuchSession");
    const hook = await at.once({ service });
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(hook.after.namespace).toBe(hook.before.namespace);
  });
});
