// Rules for guests in PAM's modules, agetty, sshd and logind work, or the journal suggests a fix.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

const LIMITS = "/etc/security/limits.d/guests.conf";
const SSHD = "/etc/ssh/sshd_config.d/guests.conf";
const KIOSK = "/etc/systemd/system/getty@tty1.service.d/kiosk.conf";
const SAVED = "login limits.conf time.conf access.conf";

describeMachine("rules for guests", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("mkdir /root/saved; cp -a /etc/pam.d/login /etc/security/{limits,time,access}.conf /root/saved");
  });
  afterEach(async () => {
    await machine.sh(
      `cd /root/saved; cp -a login /etc/pam.d; cp -a *.conf /etc/security; rm -f ${LIMITS} ${SSHD} ${KIOSK}; ls ${SAVED} >/dev/null`,
    );
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Up to a shell or the next prompt. */
  async function tryLogin(): Promise<string> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    const [end] = await terminal.expect(/[$#] $|Permission denied|denied|incorrect|Authentication failure/i);
    terminal.hangUp();
    return end;
  }

  it("in limits.conf work with @guests, not with guest", async () => {
    await machine.write(LIMITS, "guest hard nofile 111\n@guests hard core 123\n");
    const guest = await machine.loginAsGhost();
    expect(await guest.ask("ulimit -Hn")).not.toBe("111");
    expect(await guest.ask("ulimit -Hc")).toBe("123");
    await guest.logOut();
  });

  it.each([
    ["time.conf", "login;*;guest-*;!Al0000-2400\n", "account required pam_time.so"],
    ["access.conf", "-:(guests):ALL\n", "account required pam_access.so"],
  ])("of %s work as the manual says", async (file, rule, line) => {
    await machine.sh(`sed -i '1i ${line}' /etc/pam.d/login`);
    await machine.write(`/etc/security/${file}`, rule.replace("guest-*", "guest").replace("(guests)", "guest"));
    expect(await tryLogin()).toMatch(/[$#] $/);
    await machine.write(`/etc/security/${file}`, rule);
    expect(await tryLogin()).not.toMatch(/[$#] $/);
  });

  it("of agetty: --skip-login and --login-options log the ghost in, as the manual says", async () => {
    const terminal = machine.terminal([
      "agetty",
      "--skip-login",
      "--noissue",
      "--login-options",
      "-p -- guest",
      "-",
      "dumb",
    ]);
    await terminal.prepareShell();
    expect(await terminal.ask("id -un")).toMatch(/^guest-/);
    await terminal.logOut();
  });

  /** What an administrator reads about the rule. */
  const ask = async (...argv: string[]) => (await machine.run(["guestctl", ...argv])).stdout.replace(/\s+/g, " ");

  // Warnings are cached for a minute, or until a restart.
  const askStatus = async () => {
    await machine.sh("systemctl restart guestd");
    return ask("status");
  };

  /** About the rule. */
  const awaitSaid = (pattern: RegExp, ...matches: string[]) =>
    waitFor(`${String(pattern)} in the journal`, async () => {
      const entries = await machine.journal("_SYSTEMD_UNIT=guestd.service", ...matches);
      return entries.map((entry) => entry["MESSAGE"] ?? "").find((message) => pattern.test(message));
    });

  it("of agetty: --autologin is refused, and screen, journal, status and explain say what to write instead", async () => {
    const instead = /--skip-login --login-options "-p -- guest" instead/;
    const terminal = machine.terminal(["agetty", "--autologin", "guest", "--noissue", "-", "dumb"]);
    const [, seen] = await terminal.expect(/skipped the authentication([^]*)administrator/);
    terminal.hangUp();
    expect(seen?.replace(/\s+/g, " ")).toMatch(instead);
    expect(await awaitSaid(/^Refused guest .*agetty --autologin/)).toMatch(instead);
    await machine.write(KIOSK, "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin guest --noclear %I $TERM\n");
    expect(await ask("explain", "guest")).toMatch(instead);
    expect(await askStatus()).toMatch(instead);
  });

  // A restart, unlike a reload, returns when the port is open.
  const lock = async (...lines: readonly string[]) => {
    await machine.write(SSHD, `Match User guest*\n${lines.join("\n")}\n`);
    await machine.sh("systemctl restart ssh");
  };
  const upload = (user: string) =>
    machine.run(["sftp", "-b", "-", `${user}@localhost`], { input: "put /etc/hostname\nls /\npwd\n-ls /etc/passwd\n" });

  it.each([{ user: "guest" }, { user: "guest1" }])(
    "of sshd: the home of $user as ChrootDirectory ends the login, and the journal's advice works",
    async ({ user }) => {
      await lock("ChrootDirectory %h", "ForceCommand internal-sftp");
      expect((await upload(user)).code).not.toBe(0);
      const said = await awaitSaid(/ChrootDirectory %h/, `GUEST_USER=${user}`, "GUEST_ACTION=check-rules");
      const [, directory = "", command = ""] = /guests\.conf:2: .*; write "(.*)" and "(.*)"\./.exec(said) ?? [];
      const instead = `write "${directory}" and "${command}".`;
      expect(await ask("explain", user, "--service=sshd")).toContain(instead);
      expect(await askStatus()).toContain(instead);
      await lock(directory, command);
      const { code, stdout, stderr } = await upload(user);
      expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("not found") as string });
      expect(stdout.replace(/^sftp>.*\n/gm, "").trim()).toMatch(
        new RegExp(`^/${user} *\\nRemote working directory: /${user}$`),
      );
      expect(await ask("explain", user, "--service=sshd")).not.toContain("ChrootDirectory");
    },
  );

  it("of sshd for other users are not reported", async () => {
    await machine.write(SSHD, "Match User alice\nChrootDirectory %h\nMatch Group sftponly\nChrootDirectory %h\n");
    expect(await ask("explain", "guest1", "--service=sshd")).not.toContain("ChrootDirectory");
  });

  it("of logind: lingering for a shared account has no effect, and journal, status and explain say what to do", async () => {
    const instead = /disable.linger guest3", and have a unit of the system/;
    // Started by systemd: logind does not know callers outside all its cgroups.
    const logind = (verb: string) => machine.sh(`systemd-run --quiet --wait --collect loginctl ${verb} guest3`);
    await logind("enable-linger");
    expect(await awaitSaid(/^Refused .*no user manager/)).toMatch(/disable that, and have a unit of the system/);
    const session = await machine.login("guest3");
    expect(await awaitSaid(/guest3/, "GUEST_USER=guest3", "GUEST_ACTION=check-rules")).toMatch(instead);
    expect(await session.ask("ls /run/user/$(id -u)")).toBe("");
    await session.logOut();
    expect(await ask("explain", "guest3")).toMatch(instead);
    expect(await askStatus()).toMatch(instead);
    await logind("disable-linger");
    expect(await ask("explain", "guest3")).not.toContain("linger");
    await machine.sh("systemctl reset-failed");
  });

  it("leave no unexpected line in the journal", async () => {
    const EXPECTED = [/skipped the authentication/, /ChrootDirectory %h/, /linger/];
    expect(await unexpectedLines(machine, ...EXPECTED)).toEqual([]);
  });
});
