// What guests are told at login, and terms of use that they accept before anything is created.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine, PASSWORD } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";

const FILE = "/etc/guestd/guestd.conf.d/notice.conf";
const TERMS = "/etc/guestd/terms.txt";
const DELETED = "all your files on this machine are deleted";

describeMachine("what guests are told", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async () => {
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const configure = async (...lines: readonly string[]) => {
    await machine.write(FILE, ["[Notice]", ...lines, ""].join("\n"));
    await machine.sh("guestctl reload");
  };

  /** Up to the question about terms of use. */
  async function nameAt(user: string): Promise<Terminal> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send(`${user}\n`);
    if (user === "guest") return terminal;
    await terminal.expect(/Password: /);
    terminal.send(`${PASSWORD}\n`);
    return terminal;
  }

  it("is in their terminals once, in no other user's, and not in the output of commands", async () => {
    const shells = await Promise.all([
      machine.loginAsGhost(),
      machine.login("guest1"),
      machine.sshSession("guest2"),
      machine.login("alice"),
    ]);
    const counts = shells.map(({ transcript }) => transcript.split(DELETED).length - 1);
    await Promise.all(shells.map((shell) => shell.logOut()));
    expect(counts).toEqual([1, 1, 1, 0]);
    expect(await machine.ssh("guest1", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await machine.run(["su", "-", "guest1", "-c", "echo in"])).toMatchObject({ code: 0, stdout: "in\n" });
  });

  it("is in a file for each language for desktops, visible in a guest's view with the program that shows it", async () => {
    await configure("LoginText[de]=Alles weg.");
    const ghost = await machine.loginAsGhost();
    expect(await ghost.ask("cat /run/guestd-notice/login.de")).toBe("Alles weg.");
    expect(await ghost.ask("cat /run/guestd-notice/login")).toContain(DELETED);
    expect(await ghost.ask("grep ^Exec= /etc/xdg/autostart/guestd-notice.desktop")).toBe(
      "Exec=/usr/lib/guestd/guest-notice",
    );
    // There is no screen to show the notice on.
    expect((await ghost.askStatus("/usr/lib/guestd/guest-notice")).code).toBe(0);
    expect((await machine.run(["test", "-e", "/etc/xdg/autostart/guestd-notice.desktop"])).code).toBe(1);
    await ghost.logOut();
  });

  it("is in the language of the machine in the terminal, and not there where it is switched off", async () => {
    await machine.sh("systemctl set-environment LANG=de_DE.UTF-8; systemctl stop guestd");
    const german = await machine.loginAsGhost();
    expect(german.transcript).toContain("Alles weg.");
    await german.logOut();
    // A refusal is translated, but not in the journal.
    await machine.sh("guestctl disable");
    const refused = await nameAt("guest");
    await refused.expect(/Gastanmeldungen sind an diesem Rechner ausgeschaltet\. Bitte /);
    refused.hangUp();
    const [entry] = await machine.journal("GUEST_ACTION=refuse", "_SYSTEMD_UNIT=guestd.service");
    expect(entry?.["MESSAGE"]).toMatch(/^Refused guest .*: Guest logins are switched off on this machine\./);
    await machine.sh("guestctl enable");
    await machine.sh("systemctl unset-environment LANG; systemctl restart guestd");
    await configure("Login=no\nLogout=no");
    const silent = await machine.loginAsGhost();
    expect(silent.transcript).not.toContain(DELETED);
    await silent.logOut();
    expect(await machine.sh("ls /run/guestd-notice")).toBe("");
  });

  it("does not include terms of use that others can change: the reload fails and the old text stays", async () => {
    await machine.sh(`install -d -o alice /srv/alice; ln /etc/shadow /srv/alice/terms`);
    await machine.write(FILE, `[Notice]\nTerms=/srv/alice/terms\n`);
    const reload = await machine.run(["guestctl", "reload"]);
    expect(reload.code).toBe(1);
    expect(reload.stderr).toContain("is where others than root can put another file: chown root /srv/alice;");
    await machine.sh("rm -r /srv/alice");
  });

  it("includes terms of use before there is a session, and guests who do not accept them are refused", async () => {
    await machine.write(TERMS, "Be kind.\nPrüfung: nur mit Ausweis.\n");
    await configure(`Terms=${TERMS}`);
    for (const user of ["guest", "guest1"]) {
      const terminal = await nameAt(user);
      await terminal.expect(/Be kind\.\nPrüfung: nur mit Ausweis\.\n\nIf you accept these terms of use, type: yes\n> /);
      expect(await listSessions(machine)).toEqual([]);
      terminal.send("no\n");
      await terminal.expect(/You have not accepted the terms of use of this machine\./);
      terminal.hangUp();
      expect(terminal.transcript).not.toMatch(/[$#] $/);
    }
    // Neither can ask: the second has no person.
    const ssh = await machine.ssh("guest1", "echo in");
    expect(ssh.code).not.toBe(0);
    expect(ssh.stdout).not.toMatch(/^in$/m);
    expect(ssh.stdout).toContain("and there was no answer");
    const su = await machine.run(["su", "-", "guest1", "-c", "echo in"], { input: "" });
    expect(su.code).not.toBe(0);
    expect(su.stderr).toContain("and there was no answer");
    expect(await machine.ssh("alice", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await leftovers(machine)).toBe("");
  });

  it("lets in guests who accept, and their receipt says so", async () => {
    const [digest = ""] = (await machine.sh(`sha256sum ${TERMS}`)).split(" ");
    for (const user of ["guest", "guest1"]) {
      const terminal = await nameAt(user);
      await terminal.expect(/\n> /);
      terminal.send("Yes\n");
      await terminal.prepareShell();
      const [session] = await listSessions(machine);
      // Also across a restart of guestd.
      await machine.sh("systemctl restart guestd");
      await terminal.logOut();
      const id = session?.id ?? "";
      expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "logout", terms: digest, left: [] });
      expect(await machine.sh(`guestctl receipt ${id}`)).toMatch(new RegExp(`^terms: +${digest}\naccepted: +\\d`, "m"));
      const [opened] = await machine.journal(`GUEST_SESSION=${id}`, "GUEST_ACTION=announce-opened");
      expect(opened).toMatchObject({
        GUEST_TERMS: digest,
        GUEST_ACCEPTED: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      });
    }
  });

  it("leaves no unexpected line in the journal", async () => {
    const expected = [
      /switched off on this machine|an diesem Rechner ausgeschaltet/,
      /the terms of use/,
      /The configuration has errors/,
      /pam_guest\(.*\): conversation failed/,
    ];
    expect(await unexpectedLines(machine, ...expected)).toEqual([]);
  });
});
