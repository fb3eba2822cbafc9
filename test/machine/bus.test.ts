// Access to each bus method for root, two guests and another user, in both layers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, listSessions } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

const MANAGER = ["org.guestd1", "/org/guestd1", "org.guestd1.Manager"];
const REQUEST = [
  "a{sv}",
  "8",
  "user",
  "s",
  "guest1",
  "uid",
  "u",
  "1001",
  "gid",
  "u",
  "1001",
  "home",
  "s",
  "/home/guest1",
  "shell",
  "s",
  "/bin/sh",
  "service",
  "s",
  "login",
  "tty",
  "s",
  "",
  "rhost",
  "s",
  "",
];

/** Root's result "" is success. */
const METHODS: Record<string, { readonly args: readonly string[]; readonly root: RegExp }> = {
  AllocateAccount: {
    args: ["a{sv}", "4", "user", "s", "guest", "service", "s", "sshd", "tty", "s", "", "rhost", "s", ""],
    root: /^$/,
  },
  OpenSession: { args: REQUEST, root: /^$/ },
  JoinSession: { args: ["u", "1001"], root: /no user manager/ },
  CloseSession: { args: ["s", "nope"], root: /^$/ },
  EndSession: { args: ["s", "nope"], root: /no session nope/ },
  ListSessions: { args: [], root: /^$/ },
  GetSession: { args: ["s", "nope"], root: /no session nope/ },
  ListLeases: { args: [], root: /^$/ },
  ReleaseLease: { args: ["u", "60600"], root: /60600 is not quarantined/ },
  ListReceipts: { args: ["b", "false"], root: /^$/ },
  DescribeReceipts: { args: ["b", "false"], root: /^$/ },
  GetReceipt: { args: ["s", "nope"], root: /no receipt of session nope/ },
  ExplainLogin: { args: ["ss", "guest1", "login"], root: /^$/ },
  CheckLogins: { args: [], root: /^$/ },
  GetStatus: { args: [], root: /^$/ },
  GetConfig: { args: [], root: /^$/ },
  SetEnabled: { args: ["bs", "true", ""], root: /^$/ },
  Reload: { args: [], root: /^$/ },
};
/** Relays messages to the bus, over a connection whose creator is dead by then. */
const RELAY = `use IO::Socket::UNIX; use IO::Select;
  my $listener = IO::Socket::UNIX->new(Local => "/run/relay", Listen => 1) or die;
  my $client = $listener->accept or die;
  my $bus = IO::Socket::UNIX->new("/run/dbus/system_bus_socket") or die;
  my $maker = $$;
  if (fork) { exit 0 }
  while (-e "/proc/$maker") { select(undef, undef, undef, 0.01) }
  my $both = IO::Select->new($client, $bus);
  while (1) { for my $from ($both->can_read) {
    sysread($from, my $bytes, 65536) or exit 0;
    syswrite($from == $bus ? $client : $bus, $bytes) or exit 0;
  } }`;
const DENIED = /Access denied|rejected send message/;
const CALLERS = ["guest1", "guest2", "alice", "nobody"];

describeMachine("the bus", (release) => {
  let machine: Machine;
  const call = (user: string | undefined, ...words: string[]) =>
    machine.run(["busctl", "call", ...words], user === undefined ? {} : { user });

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("guestctl status");
  });
  afterAll(async () => {
    await machine.stop();
  });

  it.each(Object.entries(METHODS))("%s is only for root", async (method, { args, root }) => {
    expect((await call(undefined, ...MANAGER, method, ...args)).stderr).toMatch(root);
    for (const user of CALLERS) {
      const { code, stderr } = await call(user, ...MANAGER, method, ...args);
      expect(`${user} ${code} ${stderr}`).toMatch(/^\w+ 1 .*(Access denied|rejected send message)/);
    }
    await awaitNoSessions(machine);
  });

  it("has all methods of the interface in that table", async () => {
    const { stdout } = await machine.run(["busctl", "introspect", "--list", ...MANAGER]);
    const members = stdout
      .split("\n")
      .filter((line) => / method /.test(line))
      .map((line) => line.replace(/^\.(\w+) .*/, "$1"));
    expect(members.toSorted()).toEqual(Object.keys(METHODS).toSorted());
  });

  it("is found by tools that walk from path to path", async () => {
    expect(await machine.sh("busctl tree --list org.guestd1")).toBe("/\n/org\n/org/guestd1");
  });

  it("denies properties and unknown members to every user", async () => {
    const set = [
      "org.guestd1",
      "/org/guestd1",
      "org.freedesktop.DBus.Properties",
      "Set",
      "ssv",
      "org.guestd1.Manager",
      "Version",
      "s",
      "x",
    ];
    for (const user of [undefined, ...CALLERS]) {
      expect((await call(user, ...set)).code).toBe(1);
      expect((await call(user, ...MANAGER, "Nonsense")).code).toBe(1);
    }
  });

  it("answers arguments of another type with an error, and guestd keeps running", async () => {
    const bad = [
      ["OpenSession", "s", "x"],
      ["OpenSession", "a{sv}", "0"],
      ["OpenSession", "a{sv}", "1", "uid", "s", "0"],
      ["EndSession", "u", "1"],
      ["EndSession", "av", "0"],
      ["EndSession", "s", "x".repeat(70_000)],
      ["GetSession"],
      ["ExplainLogin", "ss", "%s%n", "login"],
      ["ExplainLogin", "ss", "../x", ""],
    ];
    for (const [method = "", ...args] of bad) {
      const { code, stderr } = await call(undefined, ...MANAGER, method, ...args);
      expect(`${method} ${code} ${stderr}`).toMatch(
        / 1 Call failed: (OpenSession takes|The request lacks|EndSession takes|GetSession takes|There is no user)/,
      );
    }
    expect(await machine.sh("guestctl status")).toContain("can log in");
  });

  it("lets no other user take the name, or receive the login signals", async () => {
    for (const user of CALLERS) {
      const taken = await call(
        user,
        "org.freedesktop.DBus",
        "/",
        "org.freedesktop.DBus",
        "RequestName",
        "su",
        "org.guestd1",
        "0",
      );
      expect(taken.code).toBe(1);
    }
    await machine.sh(`for user in root alice; do
        setpriv --reuid $user --regid $user --clear-groups timeout 60 dbus-monitor --system "sender='org.guestd1'" >/tmp/heard-by-$user 2>&1 &
        while ! grep -q NameAcquired /tmp/heard-by-$user; do :; done
      done`);
    await machine.ssh("guest1", "true");
    await waitFor("root to hear all of it", () => machine.sh("grep member=SessionClosed /tmp/heard-by-root"));
    expect(await machine.sh("grep -c 'member=Session' /tmp/heard-by-alice || true; pkill -x dbus-monitor")).toBe("0");
    await awaitNoSessions(machine);
  });

  describe("where there is BlueZ", () => {
    const KEPT = "/etc/guestd/guestd.conf.d/bluetooth.conf";
    const ask = async (user: string) =>
      (await call(user, "org.bluez", "/", "org.freedesktop.DBus.Peer", "Ping")).stderr;
    const pair = (device: string) => machine.sh(`mkdir -p /var/lib/bluetooth/00:1A:7D:DA:71:13/${device}`);

    beforeAll(async () => {
      // BlueZ's own file. The service exits at once.
      await machine.write(
        "/usr/share/dbus-1/system-services/org.bluez.service",
        "[D-BUS Service]\nName=org.bluez\nUser=root\nExec=/bin/false\n",
      );
      await machine.write(
        "/etc/dbus-1/system.d/bluetooth.conf",
        '<busconfig><policy context="default"><allow send_destination="org.bluez"/></policy></busconfig>',
      );
      await machine.sh("busctl call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig");
    });
    afterAll(() =>
      machine.sh(
        "rm -r /usr/share/dbus-1/system-services/org.bluez.service /etc/dbus-1/system.d/bluetooth.conf /var/lib/bluetooth",
      ),
    );

    it("keeps guests from it", async () => {
      expect(await ask("alice")).toMatch(/exited/i);
      for (const user of ["guest1", "guest4"]) expect(await ask(user)).toMatch(DENIED);
    });

    it("lets guests use it with Bluetooth=yes, and removes what was paired during a session", async () => {
      await pair("C0:FF:EE:00:00:01");
      await machine.write(KEPT, "[Polkit]\nBluetooth=yes\n");
      await machine.sh("guestctl reload");
      await waitFor("the bus to let guests through", async () => /exited/i.test(await ask("guest1")));
      const guest = await machine.loginAsGhost();
      const [session] = await listSessions(machine);
      await pair("C0:FF:EE:00:00:02");
      await guest.logOut();
      const { swept } = await awaitReceipt(machine, session?.id ?? "");
      expect(swept.find(({ kind }) => kind === "pairings")).toMatchObject({ found: 1, removed: 1, left: [] });
      expect(await machine.sh("ls /var/lib/bluetooth/*")).toBe("C0:FF:EE:00:00:01");
    });

    it("keeps guests from it again without Bluetooth=yes", async () => {
      await machine.sh(`rm ${KEPT}; guestctl reload`);
      await waitFor("the bus to deny guests", async () => DENIED.test(await ask("guest1")));
    });
  });

  it("leaves a session to its caller: CloseSession by another process has no effect", async () => {
    const guest = await machine.login("guest1");
    const [session] = await listSessions(machine);
    expect((await call(undefined, ...MANAGER, "CloseSession", "s", session?.id ?? "")).code).toBe(0);
    expect(await machine.journal(`GUEST_SESSION=${session?.id ?? ""}`, "GUEST_ACTION=note-close")).toEqual([]);
    expect(await guest.ask("echo here")).toBe("here");
    await guest.logOut();
    await awaitNoSessions(machine);
  });

  it("answers no caller whose process is dead, though another process has its connection", async () => {
    const denied = await machine.journal("GUEST_ACTION=call-denied");
    await machine.write("/run/relay.pl", RELAY);
    await machine.sh("(setsid perl /run/relay.pl >/dev/null 2>&1 </dev/null &); while ! [ -S /run/relay ]; do :; done");
    const { code, stderr } = await machine.run([
      "busctl",
      "--address=unix:path=/run/relay",
      "call",
      ...MANAGER,
      "OpenSession",
      ...REQUEST,
    ]);
    expect(`${code} ${stderr}`).toMatch(/^1 .*has ended/);
    await awaitNoSessions(machine);
    // A guest's login may have just ended, which is no attack.
    expect(await machine.journal("GUEST_ACTION=call-denied")).toEqual(denied);
  });

  it("takes the leader from the connection: a call of a dead process opens no session", async () => {
    await machine.sh(
      "for i in $(seq 50); do busctl call --expect-reply=no " +
        [...MANAGER, "OpenSession", ...REQUEST].map((word) => `'${word}'`).join(" ") +
        "; done",
    );
    await awaitNoSessions(machine);
    expect(await machine.sh("guestctl status")).toContain("sessions: 0");
    const receipts = await machine.journal("GUEST_ACTION=announce-closed", "_SYSTEMD_UNIT=guestd.service");
    const left = (entry: (typeof receipts)[number]) =>
      (JSON.parse(entry["GUEST_RECEIPT"] ?? "{}") as { readonly left: readonly string[] }).left;
    expect(receipts.flatMap(left)).toEqual([]);
  });
});
