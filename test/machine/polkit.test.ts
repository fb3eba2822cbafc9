// What the real polkitd allows guests, with a whole desktop's actions: golden lists, and commands.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SCHEMA } from "../../src/config/schema.ts";
import { flagOf } from "../../src/system/polkit-flags.ts";
import { installBundled } from "../helpers/bundled.ts";
import { describeMachine } from "../helpers/describe-machine.ts";
import { Machine } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitUntil } from "../helpers/wait.ts";

/** For every guest. */
const ALWAYS = [
  "com.endlessm.ParentalControls.AccountInfo.ReadOwn",
  "com.endlessm.ParentalControls.AppFilter.ReadOwn",
  "com.endlessm.ParentalControls.SessionLimits.ReadOwn",
  "org.freedesktop.login1.inhibit-block-idle",
  "org.freedesktop.login1.inhibit-delay-shutdown",
  "org.freedesktop.login1.inhibit-delay-sleep",
];
/** For a guest at the machine in addition, by flag. */
const FLAGS = {
  "removable-media": [
    "org.freedesktop.udisks2.eject-media",
    "org.freedesktop.udisks2.filesystem-mount",
    "org.freedesktop.udisks2.power-off-drive",
  ],
  shutdown: [
    "org.freedesktop.login1.power-off",
    "org.freedesktop.login1.reboot",
    // power-off implies it.
    "org.freedesktop.login1.set-wall-message",
  ],
  network: [
    "org.freedesktop.NetworkManager.network-control",
    "org.freedesktop.NetworkManager.settings.modify.own",
    "org.freedesktop.NetworkManager.wifi.scan",
  ],
  // Only helpers whose actions a test machine has.
  brightness: ["org.mate.power.backlight-helper", "org.xfce.power.backlight-helper"],
};
const ALL_FLAGS = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
const FLAG_DIRECTORY = "/run/guestd-polkit";
const RULE = "/usr/share/polkit-1/rules.d/00-guestd.rules";
/** With fewer, actions under test are missing. */
const LEAST_ACTIONS = 250;
/** polkit's no in the commands' words. pkexec in a PID namespace fails differently: its caller's PID is unknown outside. */
const REFUSED =
  /access denied|not authorized|error checking for authorization|interactive authentication required|operation not permitted/i;
/** The commands would change this. */
const STATE =
  "hostname; systemctl show-environment; date +%Y; find /etc /var/lib/systemd/linger -printf '%p %l %i\\n' | sort";
/** Node.js 18 needs this suffix for modules. */
const ASK_POLKIT = "/usr/local/lib/ask-polkit.mjs";
/** For all actions, one by one. */
const LIMIT_MS = 60_000;

/** In the format of ask-polkit.ts. */
type Answers = Readonly<Record<string, number>>;

/** Connects to the bus, prints its name and stays: services ask polkit about bus names, not processes. */
const CONNECT = `use strict; use warnings; use IO::Socket::UNIX; $| = 1;
my $bus = IO::Socket::UNIX->new('/run/dbus/system_bus_socket') or die;
print $bus "\\0AUTH EXTERNAL " . unpack('H*', $<) . "\\r\\n"; $bus->flush; readline($bus);
sub padded { my ($text) = @_; return $text . "\\0" x (-length($text) % 8) }
sub field { my ($code, $type, $text) = @_; return pack('CCa1xVZ*', $code, 1, $type, length $text, $text) }
my $fields = padded(field(1, 'o', '/org/freedesktop/DBus')) . padded(field(6, 's', 'org.freedesktop.DBus')) . field(3, 's', 'Hello');
print $bus "BEGIN\\r\\n" . pack('a1CCCVVV', 'l', 1, 0, 1, 0, 1, length $fields) . padded($fields); $bus->flush;
my $seen = ''; sysread($bus, $seen, 4096, length $seen) or die until $seen =~ /(:1\\.\\d+)/;
print "name $1\\n"; sysread($bus, $seen, 4096) while 1;
`;

/** @param subject in pkcheck's syntax */
async function askAll(machine: Machine, ...subject: string[]): Promise<Answers> {
  const { stdout, stderr } = await machine.run([ASK_POLKIT, ...subject], { timeoutMs: LIMIT_MS });
  expect(stderr).toBe("");
  const rows = stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  expect(rows.length).toBeGreaterThan(LEAST_ACTIONS);
  return Object.fromEntries(rows.map(([action = "", code]) => [action, Number(code)]));
}

/** Includes actions that need authentication. */
function allowed(answers: Answers): string[] {
  return Object.keys(answers)
    .filter((action) => answers[action] !== 1)
    .sort();
}

/** As a subject. */
async function shellOf(machine: Machine, user: string): Promise<string[]> {
  return ["--process", await machine.sh(`pgrep -n -u ${user} -x bash`)];
}

async function allowOnly(machine: Machine, ...flags: (keyof typeof FLAGS)[]): Promise<void> {
  const lines = Object.keys(SCHEMA.Polkit).map(
    (key) => `${key}=${flags.some((flag) => flag === flagOf(key)) ? "yes" : "no"}`,
  );
  await machine.write("/etc/guestd/guestd.conf.d/polkit.conf", ["[Polkit]", ...lines, ""].join("\n"));
  await machine.sh("guestctl reload");
  expect(await machine.sh(`ls ${FLAG_DIRECTORY}`)).toBe([...flags].sort().join("\n"));
}

/** logind and polkit call a login at seat0 local and active. */
async function atSeat(machine: Machine, login: () => Promise<Terminal>): Promise<Terminal> {
  await machine.write("/etc/environment", "XDG_SEAT=seat0\n");
  const terminal = await login();
  await machine.write("/etc/environment", "");
  expect(await terminal.ask("loginctl show-session -P Seat -P Active $XDG_SESSION_ID")).toBe("seat0\nyes");
  return terminal;
}

/** polkitd reads the rules at its start. */
async function changeRules(machine: Machine, script: string): Promise<void> {
  await machine.sh(`${script}; systemctl restart polkit`);
}

describeMachine("polkit's answer", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/usr/local/bin/connect-to-bus", `#!/usr/bin/perl\n${CONNECT}`, "755");
    await installBundled(machine, "ask-polkit.ts", ASK_POLKIT);
  });
  afterAll(async () => {
    await machine.stop();
  });

  describe("to a guest at the machine", () => {
    let guest: Terminal;
    let before: string;
    beforeAll(async () => {
      await allowOnly(machine);
      before = await machine.sh(STATE);
      guest = await atSeat(machine, () => machine.login("guest1"));
    });
    afterAll(async () => {
      await guest.logOut();
    });

    it(
      "is no to all actions except harmless ones, even without the folder of flags",
      async () => {
        await machine.sh(`rm -r ${FLAG_DIRECTORY}`);
        expect(allowed(await askAll(machine, ...(await shellOf(machine, "guest1"))))).toEqual(ALWAYS);
      },
      LIMIT_MS,
    );

    it(
      "is the same when a service asks about the name on the bus",
      async () => {
        guest.send("connect-to-bus &\n");
        const [, name = ""] = await guest.expect(/name (:1\.\d+)\n/);
        expect(allowed(await askAll(machine, "--system-bus-name", name))).toEqual(ALWAYS);
        await guest.ask("kill %1; wait; true");
      },
      LIMIT_MS,
    );

    it.each(ALL_FLAGS)(
      "is yes to a few more actions with the flag %s",
      async (flag) => {
        await allowOnly(machine, flag);
        expect(allowed(await askAll(machine, ...(await shellOf(machine, "guest1"))))).toEqual(
          [...ALWAYS, ...FLAGS[flag]].sort(),
        );
        await allowOnly(machine);
      },
      LIMIT_MS,
    );

    it("is no to a shutdown while another user is logged in", async () => {
      const question =
        "busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager CanPowerOff";
      expect(await guest.ask(question)).toBe('s "no"');
      await allowOnly(machine, "shutdown");
      expect(await guest.ask(question)).toBe('s "yes"');
      const alice = await machine.sshSession("alice");
      expect(await guest.ask(question)).toBe('s "no"');
      expect(await guest.ask("loginctl terminate-user alice")).toMatch(REFUSED);
      await alice.logOut();
      await allowOnly(machine);
    });

    it(
      "is no whatever later rules say",
      async () => {
        const folder = "/etc/polkit-1/rules.d";
        await machine.write(`${folder}/01-yes.rules`, 'polkit.addRule(function () { return "yes"; });\n');
        await changeRules(machine, "true");
        expect(allowed(await askAll(machine, ...(await shellOf(machine, "guest1"))))).toEqual(ALWAYS);
        await changeRules(machine, `rm ${folder}/01-yes.rules`);
      },
      LIMIT_MS,
    );

    // They work for alice, or ask her for a password.
    it.each([
      "loginctl enable-linger",
      "busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager SetUserLinger ubb 1001 true false",
      "systemd-run true",
      "systemctl restart cron",
      "systemctl set-environment BY=guest",
      "systemctl daemon-reload",
      "hostnamectl set-hostname by-guest",
      "timedatectl set-time 2030-01-01",
      "timedatectl set-timezone Asia/Tokyo",
      "localectl set-locale LANG=C",
      "machinectl login .host",
      "machinectl shell .host",
      "pkexec true",
      "pkexec --user alice true",
      "systemctl poweroff",
      "systemctl reboot",
      "/sbin/shutdown now",
      "busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager PowerOff b true",
      "loginctl lock-sessions",
      "systemd-inhibit --what=shutdown --mode=block true",
      "systemd-inhibit --what=handle-power-key true",
    ])("is no to %s, and no password helps", async (command) => {
      const { code, stdout } = await guest.askStatus(command);
      expect(code).not.toBe(0);
      expect(stdout).toMatch(REFUSED);
      expect(stdout).not.toMatch(/password|AUTHENTICATING/i);
    });

    // polkitd 126 uses the groups of the calling process: leaving the group would bypass the rules.
    it("cannot be changed through a range in /etc/subgid", async () => {
      expect(await machine.sh("grep -c guest1 /etc/subuid /etc/subgid")).toBe("/etc/subuid:1\n/etc/subgid:1");
      expect(await guest.ask("grep -c guest1 /etc/subuid /etc/subgid")).toBe("/etc/subuid:0\n/etc/subgid:0");
      expect(await guest.ask("unshare --map-root-user --map-auto setpriv --clear-groups true")).toMatch(
        /no line matching user "guest1" in \/etc\/subuid/,
      );
    });

    it("has changed nothing on the machine", async () => {
      expect(await machine.sh(STATE)).toBe(before);
      // logind stops alice's processes 10 s after her logout.
      await waitUntil(
        "systemd to have nothing to do",
        () => machine.sh("systemctl list-jobs --no-legend"),
        (seen) => seen === "",
        60_000,
      );
      expect(await machine.sh("systemctl is-system-running; ls /run/nologin 2>/dev/null || true")).toBe("running");
    });

    it("is yes where their windows need it: the screen stays on during a film", async () => {
      expect(await guest.askStatus("systemd-inhibit --what=idle true")).toMatchObject({ code: 0 });
    });
  });

  it.each([
    { who: "a guest by the primary group", login: () => machine.login("guest4") },
    { who: "a guest with a leased account", login: () => machine.loginAsGhost() },
  ])(
    "is no to $who",
    async ({ login }) => {
      const guest = await atSeat(machine, login);
      expect(allowed(await askAll(machine, ...(await shellOf(machine, await guest.ask("id -un")))))).toEqual(ALWAYS);
      expect((await guest.askStatus("pkexec true")).stdout).toMatch(REFUSED);
      await guest.logOut();
    },
    LIMIT_MS,
  );

  it(
    "is no to a remote guest, even with all flags",
    async () => {
      await allowOnly(machine, ...ALL_FLAGS);
      const guest = await machine.sshSession("guest1");
      expect(allowed(await askAll(machine, ...(await shellOf(machine, "guest1"))))).toEqual(ALWAYS);
      await guest.logOut();
      await allowOnly(machine);
    },
    LIMIT_MS,
  );

  it(
    "is no to a user whose account cannot be found",
    async () => {
      const pid = await machine.sh(
        "setpriv --reuid 4711 --regid 4711 --clear-groups sleep 4711 </dev/null >/dev/null 2>&1 & echo $!",
      );
      await waitUntil(
        "another uid",
        () => machine.sh(`stat -c %u /proc/${pid}`),
        (seen) => seen === "4711",
      );
      expect(allowed(await askAll(machine, "--process", pid))).toEqual(ALWAYS);
      await machine.sh(`kill ${pid}`);
    },
    LIMIT_MS,
  );

  it.each([
    { where: "at the machine", login: (user: string) => atSeat(machine, () => machine.login(user)) },
    { where: "from afar", login: (user: string) => machine.sshSession(user) },
  ])(
    "to alice $where is the same as without the rule",
    async ({ login }) => {
      const alice = await login("alice");
      const subject = await shellOf(machine, "alice");
      const answers = await askAll(machine, ...subject);
      expect(allowed(answers).length).toBeGreaterThan(LEAST_ACTIONS / 2);
      await changeRules(machine, `mv ${RULE} /root/rule`);
      expect(await askAll(machine, ...subject)).toEqual(answers);
      await changeRules(machine, `mv /root/rule ${RULE}`);
      await alice.logOut();
    },
    LIMIT_MS,
  );
});
