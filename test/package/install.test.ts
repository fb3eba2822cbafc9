// A first installation of guestd, up to switching it on.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import {
  allowTerminals,
  apt,
  answerQuestion,
  canLogIn,
  PACKAGE,
  preseed,
  readStack,
  saidByScripts,
  SWITCH,
  wiredStacks,
} from "../helpers/package.ts";
import { readProjectFile } from "../helpers/tree.ts";

const OFF = "Guest logins are switched off on this machine";
const NEVER = `${OFF}: they have not been switched on yet. Please ask the administrator of this machine.`;

describeMachine("a new installation", (release) => {
  let machine: Machine;
  let output: string;

  beforeAll(async () => {
    machine = await Machine.boot(release, "pristine");
    output = await apt(machine, "install", PACKAGE);
  });
  afterEach(async ({ task }) => {
    // Cleans up after a failed test.
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const list = async (script: string) => (await machine.sh(script)).split("\n").filter((line) => line !== "");

  it("takes dependencies only from Debian's archives, and reports no problem", async () => {
    expect(
      await list("apt list '?installed ?not(?origin(Debian))' 2>/dev/null | grep -v ^Listing | cut -d/ -f1"),
    ).toEqual(["guestd"]);
    expect(saidByScripts(output)).toEqual(["Creating group 'guests' with GID 60000."]);
    expect(output).not.toMatch(/^guestd:|guestd.*warning|warning.*guestd/im);
    expect(await list("systemctl --failed --plain --no-legend")).toEqual([]);
  });

  it("has its files at Debian's usual places, as packaged", async () => {
    expect(await machine.sh("dpkg --verify guestd")).toBe("");
    expect(await list("grep '^ /' /var/lib/dpkg/status | grep guestd | cut -d' ' -f2")).toEqual([
      "/etc/apparmor.d/usr.lib.guestd",
      "/etc/guestd/guestd.conf",
    ]);
    const places = await list(
      "dpkg --listfiles guestd | while read -r file; do [ -d $file ] || echo ${file%/*}; done | sort --unique",
    );
    const modules = await machine.sh(
      "dpkg-query --listfiles libpam-modules | grep pam_unix.so | sed 's,^/usr,,; s,/[^/]*$,,'",
    );
    expect(places).toEqual([
      "/etc/apparmor.d",
      "/etc/guestd",
      "/usr/bin",
      "/usr/lib/guestd",
      "/usr/lib/guestd/etc",
      "/usr/lib/guestd/etc-leased-defaults/dconf/profile",
      "/usr/lib/guestd/etc-leased-defaults/xdg",
      "/usr/lib/guestd/etc-leased/xdg/autostart",
      "/usr/lib/guestd/etc/xdg/autostart",
      "/usr/lib/guestd/proc-1",
      "/usr/lib/guestd/skel/.local/share/keyrings",
      "/usr/lib/pam.d",
      "/usr/lib/sddm/sddm.conf.d",
      "/usr/lib/systemd/catalog",
      "/usr/lib/systemd/system",
      "/usr/lib/systemd/system/display-manager.service.wants",
      "/usr/lib/systemd/system/multi-user.target.wants",
      "/usr/lib/systemd/system/user@.service.d",
      "/usr/lib/sysusers.d",
      "/usr/lib/tmpfiles.d",
      "/usr/lib/userdb",
      `/usr${modules}`,
      "/usr/share/applications",
      "/usr/share/bash-completion/completions",
      "/usr/share/dbus-1/interfaces",
      "/usr/share/dbus-1/system-services",
      "/usr/share/dbus-1/system.d",
      "/usr/share/doc/guestd",
      "/usr/share/doc/guestd/pictures",
      "/usr/share/lightdm/lightdm.conf.d",
      "/usr/share/lintian/overrides",
      "/usr/share/locale/de/LC_MESSAGES",
      "/usr/share/locale/fr/LC_MESSAGES",
      "/usr/share/man/man1",
      "/usr/share/man/man5",
      "/usr/share/man/man7",
      "/usr/share/man/man8",
      "/usr/share/pam-configs",
      "/usr/share/polkit-1/rules.d",
    ]);
    expect(await list("cd /usr/share/man; ls man?/*guest*; gzip --test man?/*guest*")).toEqual([
      "man1/guestctl.1.gz",
      "man5/guestd.conf.5.gz",
      "man5/org.guestd1.5.gz",
      "man7/guestd-sessions.7.gz",
      "man8/guestd.8.gz",
      "man8/pam_guest.8.gz",
    ]);
    expect(await list("stat --format='%A %U:%G %n' /run/guestd /var/lib/guestd /etc/guestd /etc/guestd/*")).toEqual([
      "drwx------ root:root /run/guestd",
      "drwx------ root:root /var/lib/guestd",
      "drwxr-xr-x root:root /etc/guestd",
      "drwxr-xr-x root:root /etc/guestd/etc",
      "-rw-r--r-- root:root /etc/guestd/guestd.conf",
      "drwxr-xr-x root:root /etc/guestd/guestd.conf.d",
      "drwxr-xr-x root:root /etc/guestd/skel",
    ]);
  });

  it("is known to the name service, the bus, polkit, the journal and the shell", async () => {
    expect(await machine.sh("getent passwd guest")).toMatch(
      /^guest:[^:]*:60000:60000:Guest:\/home\/guest:\/bin\/bash$/,
    );
    expect(await machine.sh("getent group guests")).toMatch(/^guests:[^:]*:60000:$/);
    expect(await machine.sh("busctl introspect org.guestd1 /org/guestd1 org.guestd1.Manager")).toContain(
      ".OpenSession",
    );
    const asked = await machine.run(
      ["busctl", "call", "org.guestd1", "/org/guestd1", "org.guestd1.Manager", "OpenSession", "a{sv}", "0"],
      { user: "alice" },
    );
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringMatching(/denied|not permitted/i) as string });
    expect((await machine.journal("-u", "polkit")).filter((entry) => /guestd/.test(entry["MESSAGE"] ?? ""))).toEqual(
      [],
    );
    const catalog = await machine.sh("journalctl --list-catalog");
    const ids = [...readProjectFile("systemd/guestd.catalog").matchAll(/^-- ([0-9a-f]{32})$/gm)].map(
      ([, id = ""]) => id,
    );
    expect(ids.filter((id) => !catalog.includes(id))).toEqual([]);
    expect(ids.length).toBeGreaterThan(0);
    expect(await machine.sh(". /usr/share/bash-completion/completions/guestctl; complete -p guestctl")).toContain(
      "guestctl",
    );
  });

  it("is in the PAM stacks before all that a guest must not reach without it", async () => {
    expect(await wiredStacks(machine)).toEqual(["auth", "session", "session-noninteractive"]);
    const [auth, session] = [await readStack(machine, "auth"), await readStack(machine, "session")];
    const find = (stack: readonly string[], module: string) => stack.findIndex((line) => line.includes(module));
    expect(find(auth, "pam_guest.so")).toBeLessThan(find(auth, "pam_unix.so"));
    expect(find(session, "pam_guest.so")).toBeLessThan(find(session, "pam_systemd.so"));
    expect(await canLogIn(machine)).toBe(true);
  });

  /** At login the ghost gets the sentence, and is not asked for a password. */
  async function refusalOfGhost(): Promise<string> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    const [said] = await terminal.expect(/Password: |[$#] $|Guest logins [^\n]*(?=\n)/);
    terminal.hangUp();
    return said;
  }

  /** The ghost gets in on every way, without a restart of anything. */
  async function expectGuests(): Promise<void> {
    const ghost = await machine.loginAsGhost();
    const id = await ghost.ask("echo $GUEST_SESSION");
    expect(await ghost.ask("id -un; pwd")).toMatch(/^(guest-\w+)\n\/home\/\1$/);
    expect(await machine.ssh("guest", "id -un; echo $GUEST_SESSION")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^guest\n\w+\n$/) as string,
    });
    expect(await machine.sh("su - guest -c 'id -un; echo $GUEST_SESSION'")).toMatch(/^guest\n\w+$/);
    await ghost.logOut();
    expect((await awaitReceipt(machine, id)).left).toEqual([]);
    await awaitNoSessions(machine);
  }

  it("lets no guest in until it is switched on, and then at once", async () => {
    await allowTerminals(machine);
    expect(await machine.sh("guestctl status")).toContain('"guestctl enable" lets guests log in.');
    expect(await refusalOfGhost()).toBe(NEVER);
    expect((await machine.ssh("guest", "echo in")).stdout).not.toContain("in\n");
    expect((await machine.run(["su", "-", "guest", "-c", "echo in"])).stdout).not.toContain("in\n");
    expect(await canLogIn(machine)).toBe(true);
    const boot = await machine.sh(
      "systemctl show --property=UserspaceTimestampMonotonic; cat /proc/sys/kernel/random/boot_id",
    );
    expect(await machine.sh("guestctl enable")).toBe("Guests can log in.");
    await expectGuests();
    expect(
      await machine.sh("systemctl show --property=UserspaceTimestampMonotonic; cat /proc/sys/kernel/random/boot_id"),
    ).toBe(boot);
  });

  it("keeps the switch and its reason across a reboot", async () => {
    await machine.sh(
      "guestctl disable --reason='No guests today.'; systemctl stop guestd; rm -rf /run/guestd /run/guestd-polkit",
    );
    expect(await refusalOfGhost()).toBe(`${OFF}: No guests today. Please ask the administrator of this machine.`);
    await machine.sh("guestctl enable; systemctl stop guestd; rm -rf /run/guestd /run/guestd-polkit");
    await expectGuests();
  });

  it("is switched by dpkg-reconfigure, which asks nothing else, and by nothing that only reads", async () => {
    for (const [answer, said] of [
      ["no", "refused: they are switched off"],
      ["yes", "can log in"],
    ] as const) {
      await answerQuestion(machine, answer);
      expect(await machine.sh("guestctl status")).toContain(`guests:   ${said}`);
      await machine.sh("dpkg-reconfigure --frontend=noninteractive guestd");
      expect(await machine.sh(`cat ${SWITCH}`)).toContain(`"enabled":${answer === "yes"}`);
    }
    // The question shows what an administrator has set since.
    await machine.sh("guestctl disable; dpkg-reconfigure --frontend=noninteractive guestd");
    expect(await refusalOfGhost()).toContain(OFF);
    expect(await wiredStacks(machine)).toEqual(["auth", "session", "session-noninteractive"]);
  });

  it("lets guests in at once where the question was answered before", async () => {
    await apt(machine, "purge", "guestd");
    await preseed(machine, true);
    await apt(machine, "install", PACKAGE);
    await allowTerminals(machine);
    await expectGuests();
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(
      await unexpectedLines(
        machine,
        /Guest logins are switched off/,
        /(AllocateAccount|OpenSession): org\.guestd1\.Error\.Refused/,
      ),
    ).toEqual([]);
  });
});
