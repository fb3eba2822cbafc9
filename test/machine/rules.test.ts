// Rules of PAM's modules and of agetty for guests, as the manuals say to write them, reach leased accounts.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

const LIMITS = "/etc/security/limits.d/guests.conf";
const SAVED = "login limits.conf time.conf access.conf";

describeMachine("rules for guests", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("mkdir /root/saved; cp -a /etc/pam.d/login /etc/security/{limits,time,access}.conf /root/saved");
  });
  afterEach(async () => {
    await machine.sh(
      `cd /root/saved; cp -a login /etc/pam.d; cp -a *.conf /etc/security; rm -f ${LIMITS}; ls ${SAVED} >/dev/null`,
    );
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** What the ghost is told, up to a shell or the next prompt. */
  async function tryLogin(): Promise<string> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    const [end] = await terminal.expect(/[$#] $|Permission denied|denied|incorrect|Authentication failure/i);
    terminal.hangUp();
    return end;
  }

  it("of limits.conf: @guests, not guest", async () => {
    await machine.write(LIMITS, "guest hard nofile 111\n@guests hard core 123\n");
    const guest = await machine.loginAsGhost();
    expect(await guest.ask("ulimit -Hn")).not.toBe("111");
    expect(await guest.ask("ulimit -Hc")).toBe("123");
    await guest.logOut();
  });

  it.each([
    ["time.conf", "login;*;guest-*;!Al0000-2400\n", "account required pam_time.so"],
    ["access.conf", "-:(guests):ALL\n", "account required pam_access.so"],
  ])("of %s, as the manual has it", async (file, rule, line) => {
    await machine.sh(`sed -i '1i ${line}' /etc/pam.d/login`);
    await machine.write(`/etc/security/${file}`, rule.replace("guest-*", "guest").replace("(guests)", "guest"));
    expect(await tryLogin()).toMatch(/[$#] $/);
    await machine.write(`/etc/security/${file}`, rule);
    expect(await tryLogin()).not.toMatch(/[$#] $/);
  });

  it("of agetty: --skip-login and --login-options log the ghost in, as the manual has it", async () => {
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

  it("of agetty: --autologin is refused, and the journal says what to write instead", async () => {
    const terminal = machine.terminal(["agetty", "--autologin", "guest", "--noissue", "-", "dumb"]);
    await terminal.expect(/skipped the authentication/);
    terminal.hangUp();
    const said = (await machine.journal("-u", "guestd")).map(({ MESSAGE = "" }) => MESSAGE).join("\n");
    expect(said).toMatch(/agetty --autologin.*"Automatic login" in guestd\(8\)/);
  });
});
