// Jobs for later would run outside the session: they are refused when submitted, and when due.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { Machine, type RunOptions } from "../helpers/machine.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

/** Only the packages' folders and counter. */
const SPOOL = "find /var/spool/cron -type f ! -name .SEQ -printf '%p %u\\n' | sort";

const HAND_IN = [
  "echo id | at now",
  "echo id | at now + 1 hour",
  "echo id | batch",
  "echo '* * * * * id' | crontab -",
  "EDITOR=true crontab -e",
  "crontab -l",
  "atq; at -l",
];

/** From at and crontab, without access. */
const CLOSED = /You do not have permission to use (at|atq|batch)|not allowed to use this program \(crontab\)/;
/** crontab first looks for the spool, which is hidden. */
const CLOSED_OR_HIDDEN = new RegExp(`${CLOSED.source}|crontabs: No such file or directory`);

describeMachine("jobs for later", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("systemctl start atd cron");
  });
  afterAll(async () => {
    await machine.stop();
  });

  it.each(HAND_IN)("are refused to a guest who logged in: %s", async (command) => {
    const guest = await machine.login("guest1");
    const { code, stdout } = await guest.askStatus(command);
    expect(code).not.toBe(0);
    expect(stdout).toMatch(CLOSED_OR_HIDDEN);
    expect(await machine.sh(SPOOL)).toBe("");
    await guest.logOut();
  });

  it.each(HAND_IN)("are refused to a guest by ssh: %s", async (command) => {
    const { code, stdout, stderr } = await machine.ssh("guest4", command);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(CLOSED_OR_HIDDEN);
    expect(await machine.sh(SPOOL)).toBe("");
  });

  it("are refused where the spools are not hidden, too", async () => {
    await machine.write("/etc/guestd/guestd.conf.d/bare.conf", "[View]\nHide=\nHide=/home /root\n");
    await machine.sh("guestctl reload");
    const guest = await machine.login("guest1");
    expect(await guest.ask("ls /var/spool/cron")).toContain("crontabs");
    for (const command of HAND_IN) {
      const { code, stdout } = await guest.askStatus(command);
      expect(code, command).not.toBe(0);
      expect(stdout, command).toMatch(CLOSED);
    }
    expect(await machine.sh(SPOOL)).toBe("");
    await guest.logOut();
    await machine.sh("rm /etc/guestd/guestd.conf.d/bare.conf; guestctl reload");
  });

  it("are denied by files of the view only, which name no user in it", async () => {
    const guest = await machine.login("guest1");
    const files = await guest.ask("cat /etc/at.allow /etc/cron.allow");
    // at and cron compare a whole line with a name. cron cuts long lines.
    for (const line of files.split("\n")) expect(line).toMatch(/^# (?=.* ).{1,96}$/);
    expect(await guest.ask("stat -c '%U %a' /etc/at.allow /etc/cron.allow")).toBe("root 644\nroot 644");
    expect((await machine.run(["ls", "/etc/at.allow", "/etc/cron.allow"])).stdout).toBe("");
    await guest.logOut();
  });

  it("are accepted from all other users", async () => {
    const { code, stdout } = await machine.ssh(
      "alice",
      "echo '0 0 1 1 * id' | crontab - && echo id | at now + 1 hour 2>/dev/null && crontab -l && atq | wc -l && crontab -r && atrm $(atq | cut -f1)",
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: "0 0 1 1 * id\n1\n" });
    expect(await machine.sh(SPOOL)).toBe("");
  });

  it("that exist for a guest already are not run by at", async () => {
    const plant = (user: string): RunOptions => ({ user, input: `touch /var/tmp/at-${user}\n` });
    // Without PAM, so outside any session.
    for (const user of ["guest1", "alice"])
      expect(await machine.run(["at", "now"], plant(user))).toMatchObject({ code: 0 });
    await waitUntil(
      "alice's job",
      () => machine.run(["test", "-e", "/var/tmp/at-alice"]),
      (seen) => seen.code === 0,
      30_000,
    );
    await waitFor("the refusal", async () => isRefused("atd"), 30_000);
    expect((await machine.run(["ls", "/var/tmp/at-guest1"])).code).not.toBe(0);
  });

  it("that exist for a guest already are not run by cron", async () => {
    for (const user of ["guest1", "alice"])
      await machine.sh(`echo '@reboot touch /var/tmp/cron-${user}' | crontab -u ${user} -`);
    await machine.sh("rm -f /run/crond.reboot; systemctl restart cron");
    await waitUntil(
      "alice's job",
      () => machine.run(["test", "-e", "/var/tmp/cron-alice"]),
      (seen) => seen.code === 0,
      30_000,
    );
    await waitFor("the refusal", async () => isRefused("cron"), 30_000);
    expect((await machine.run(["ls", "/var/tmp/cron-guest1"])).code).not.toBe(0);
  });

  async function isRefused(service: string): Promise<boolean> {
    const entries = await machine.journal(
      "GUEST_ACTION=refuse",
      `GUEST_SERVICE=${service}`,
      "_SYSTEMD_UNIT=guestd.service",
    );
    return entries.some((entry) => entry["GUEST_USER"] === "guest1");
  }
});
