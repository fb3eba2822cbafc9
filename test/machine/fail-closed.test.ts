// If guestd fails, guests are refused with a sentence in bounded time, and other users notice nothing.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { injectFault } from "../helpers/fault.ts";
import { awaitNoSessions, leftovers, listSessions } from "../helpers/guests.ts";
import { Machine, PASSWORD } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";
import { INSTANT_PARTS, walk } from "../helpers/walk.ts";

/** From the contract. */
const REFUSAL_LIMIT_MS = 30_000;

interface Outage {
  readonly break: string;
  readonly mend: string;
  readonly sentence: RegExp;
  /** Without any part of guestd, the ghost is asked for a password. */
  readonly asksGhost?: true;
}

const DROP_IN = "/run/systemd/system/guestd.service.d";

const OUTAGES: Record<string, Outage> = {
  "is stopped and cannot be started": {
    break: "systemctl stop guestd; systemctl mask --runtime guestd",
    mend: "systemctl unmask --runtime guestd",
    sentence: /Guest sessions are not available at the moment/,
  },
  "is not known to the bus": {
    break:
      "systemctl stop guestd; mv /usr/share/dbus-1/system-services/org.guestd1.service /root/; systemctl reload dbus",
    mend: "mv /root/org.guestd1.service /usr/share/dbus-1/system-services/; systemctl reload dbus",
    sentence: /Guest sessions are not available at the moment/,
  },
  "is stopped and cannot be started, on a machine where login pauses after a refusal": {
    break: `systemctl stop guestd; systemctl mask --runtime guestd; cp -a /etc/pam.d/login /etc/login.defs /root/
      sed -i '1i auth optional pam_faildelay.so delay=3000000' /etc/pam.d/login; echo 'FAIL_DELAY 3' >>/etc/login.defs`,
    mend: "systemctl unmask --runtime guestd; mv /root/login /etc/pam.d/; mv /root/login.defs /etc/",
    sentence: /Guest sessions are not available at the moment/,
  },
  hangs: {
    // The watchdog would restart guestd within 20 s. The module waits 1 s, not 4.
    break: `mkdir -p ${DROP_IN}; printf '[Service]\\nWatchdogSec=0\\n' >${DROP_IN}/still.conf; systemctl daemon-reload; systemctl restart guestd
      guestctl status; systemctl kill -s STOP guestd; mkdir /root/stacks; cp -a /etc/pam.d/common-* /root/stacks/
      sed -i 's/pam_guest\\.so/& timeout=1/' /etc/pam.d/common-*`,
    mend: `systemctl kill -s CONT guestd; rm ${DROP_IN}/still.conf; systemctl daemon-reload; systemctl restart guestd
      cp -a /root/stacks/* /etc/pam.d/; rm -r /root/stacks`,
    sentence: /Guest sessions are not available at the moment/,
  },
  "crashes at its start": {
    break: "systemctl stop guestd; mv /usr/lib/guestd/guestns.node /root/",
    mend: "mv /root/guestns.node /usr/lib/guestd/; systemctl reset-failed guestd; systemctl restart guestd",
    sentence: /Guest sessions are not available at the moment/,
  },
  "has a configuration with errors": {
    break: "systemctl stop guestd; printf '[Home]\\nSize=lots\\n' >/etc/guestd/guestd.conf.d/bad.conf",
    mend: "rm /etc/guestd/guestd.conf.d/bad.conf; guestctl reload",
    sentence: /Guests cannot log in: the configuration of guestd has errors/,
  },
  "has a configuration that others can write": {
    break:
      "systemctl stop guestd; touch /etc/guestd/guestd.conf.d/bad.conf; chmod 666 /etc/guestd/guestd.conf.d/bad.conf",
    mend: "rm /etc/guestd/guestd.conf.d/bad.conf; guestctl reload",
    sentence: /Guests cannot log in: the configuration of guestd has errors/,
  },
  "cannot build the view": {
    break: "printf '[View]\\nHide=/does/not/exist\\n' >/etc/guestd/guestd.conf.d/bad.conf; guestctl reload",
    mend: "rm /etc/guestd/guestd.conf.d/bad.conf; guestctl reload",
    sentence: /Your guest session could not be started/,
  },
  "is switched off": {
    break: "printf '[Guests]\\nEnabled=no\\n' >/etc/guestd/guestd.conf.d/bad.conf; guestctl reload",
    mend: "rm /etc/guestd/guestd.conf.d/bad.conf; guestctl reload",
    sentence: /Guest logins are switched off on this machine/,
  },
  "has no PAM module": {
    break: "mv $(find /usr/lib -name pam_guest.so) /root/",
    mend: "mv /root/pam_guest.so $(dirname $(find /usr/lib -name pam_unix.so))/",
    sentence: /Authentication failure|Permission denied|could not be/i,
    asksGhost: true,
  },
  "has lost the part of the module that calls it": {
    break: "mv /usr/lib/guestd/pam_guest_bus.so /root/",
    mend: "mv /root/pam_guest_bus.so /usr/lib/guestd/",
    sentence: /Guest sessions are not available at the moment/,
  },
  "cannot write its records": {
    break: "guestctl status; mkdir -p /run/guestd/sessions; mount -t tmpfs -o ro full /run/guestd/sessions",
    mend: "umount /run/guestd/sessions",
    sentence: /Your guest session could not be started/,
  },
};

/** System calls before the answer, for: the leader; the record; the account's files, by name and by UID. */
const LEASING = ["pidfd_open:when=1", "rename:when=1", "rename:when=2", "symlink:when=1", "rename:when=3"];
/** System calls before the answer. A leased session has no reaper. */
const OPENING_LEASED = [
  "setns:when=1",
  "fsopen:when=1",
  "fsmount:when=4",
  "move_mount:when=1",
  "move_mount:when=9",
  "rename:when=4",
];
/** System calls of an opening, in order, as strace counts them. */
const INSTANTS = [
  "pidfd_open:when=1",
  "setns:when=1",
  "fsopen:when=1",
  "fsopen:when=4",
  "fsmount:when=4",
  "move_mount:when=1",
  "move_mount:when=9",
  "rename:when=1",
];
/** Here the reaper of a shared session is killed instead of guestd: it makes this call first. */
const OF_REAPER = "fsopen:when=1";

describeMachine("when guestd", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function refuseLogin(user: string, sentence: RegExp): Promise<void> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send(`${user}\n`);
    // Some outages show before the password.
    const [asked] = await terminal.expect(
      new RegExp(`Password: |${sentence.source}`, sentence.flags),
      REFUSAL_LIMIT_MS,
    );
    if (asked === "Password: ") {
      terminal.send(`${PASSWORD}\n`);
      await terminal.expect(sentence, REFUSAL_LIMIT_MS);
    }
    // Without waiting for login, which pauses for 5 s.
    terminal.hangUp();
    expect(terminal.transcript).not.toMatch(/[$#] $/);
  }

  describe.each(Object.entries(OUTAGES))("%s", (_, outage) => {
    beforeAll(async () => {
      await machine.sh(outage.break);
    });
    afterAll(async () => {
      await machine.sh(outage.mend);
      expect(await machine.ssh("guest1", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
      await awaitNoSessions(machine);
    });

    it("a guest at login is refused with a sentence", async () => {
      await refuseLogin("guest1", outage.sentence);
    });

    it(`the ghost at login is ${outage.asksGhost === true ? "asked for a password that it has not" : "refused with a sentence"}`, async () => {
      const terminal = machine.terminal(["login"]);
      await terminal.expect(/login: /);
      terminal.send("guest\n");
      const [said] = await terminal.expect(
        new RegExp(`Password: |${outage.sentence.source}`, outage.sentence.flags),
        REFUSAL_LIMIT_MS,
      );
      terminal.hangUp();
      expect(said === "Password: ").toBe(outage.asksGhost === true);
      expect(terminal.transcript).not.toMatch(/[$#] $/);
    });

    it("a guest by ssh gets no shell, no command and no files", async () => {
      const options = { timeoutMs: REFUSAL_LIMIT_MS };
      const [sftp, ...shells] = await Promise.all([
        machine.run(["sftp", "-b", "-", "guest2@localhost"], { ...options, input: "ls /\n" }),
        machine.ssh("guest2", "", { ...options, input: "echo in\n" }),
        machine.ssh("guest2", "echo in; id", { ...options, input: "echo in\n" }),
      ]);
      for (const { code, stdout } of shells) {
        expect(`${code} ${stdout}`).not.toContain("in\n");
        expect(code).not.toBe(0);
      }
      expect(sftp.code).not.toBe(0);
      expect(sftp.stdout).not.toContain("/etc");
    });

    it("a guest by su is refused", async () => {
      const { code, stdout } = await machine.run(["su", "-", "guest3", "-c", "echo in"], {
        timeoutMs: REFUSAL_LIMIT_MS,
      });
      expect(`${code} ${stdout}`).not.toContain("in\n");
      expect(code).not.toBe(0);
    });

    it("root and alice log in normally", async () => {
      for (const user of ["root", "alice"]) {
        const terminal = await machine.login(user);
        expect(await terminal.ask("id -un")).toBe(user);
        await terminal.logOut();
        expect(await machine.ssh(user, "id -un")).toMatchObject({ code: 0, stdout: `${user}\n` });
      }
      expect(await machine.sh("su - alice -c 'id -un'")).toBe("alice");
    });
  });

  describe.each(walk(INSTANTS, INSTANT_PARTS))("is killed at %s of an opening", (instant) => {
    it("the guest is refused or in its view, never half in, and nothing is left", async () => {
      const host = await machine.sh("guestctl status >/dev/null; readlink /proc/1/ns/mnt");
      const before = await machine.sh("systemctl show -P MainPID guestd");
      const stop = await injectFault(machine, `${instant}:signal=SIGKILL`);
      const { code, stdout } = await machine.ssh("guest1", "readlink /proc/self/ns/mnt", {
        timeoutMs: REFUSAL_LIMIT_MS,
      });
      await stop();
      if (code === 0) expect(stdout).not.toContain(host);
      else expect(stdout).not.toContain("mnt:[");
      await awaitNoSessions(machine);
      expect(await machine.sh("find /run/guestd -type f -o -path '*/unmanaged/*'")).toBe("");
      expect((await machine.sh("systemctl show -P MainPID guestd")) === before).toBe(instant === OF_REAPER);
      expect(code === 0 && instant === OF_REAPER).toBe(false);
      await waitUntil(
        "what held its namespaces to be gone",
        () => machine.run(["pgrep", "guest-reaper"]),
        (seen) => seen.stdout === "",
      );
      await waitFor("the namespaces to be gone", async () =>
        (await machine.snapshot()).namespaces.every((names) => !/bash|sleep|fd of|guestns/.test(names)),
      );
      expect(await machine.ssh("guest1", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
      await awaitNoSessions(machine);
    });
  });

  describe("has one account to lease, and", () => {
    beforeAll(async () => {
      await machine.write("/etc/guestd/guestd.conf.d/one.conf", "[Guests]\nLeaseRange=61120-61120\n");
      await machine.sh("guestctl reload");
    });

    afterEach(async ({ task }) => {
      if (task.result?.state === "fail")
        for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
      await awaitNoSessions(machine);
      // Cleans up after a failed test.
      await machine.sh("rm -f /run/userdb/*.new");
    });

    /** Logs in while guestd is killed. Returns the terminal with the reason of the refusal. */
    async function refuseAt(instant: string): Promise<Terminal> {
      await machine.sh("guestctl status");
      const before = await machine.sh("systemctl show -P MainPID guestd");
      const stop = await injectFault(machine, `${instant}:signal=SIGKILL`);
      const terminal = machine.terminal(["login"]);
      await terminal.expect(/login: /);
      terminal.send("guest\n");
      await terminal.expect(/Guest sessions are not available/, REFUSAL_LIMIT_MS);
      await stop();
      expect(await machine.sh("systemctl show -P MainPID guestd")).not.toBe(before);
      return terminal;
    }

    /** The only account is free again. */
    async function expectAccountBack(): Promise<void> {
      await awaitNoSessions(machine);
      expect(await leftovers(machine)).toBe("");
      const guest = await machine.loginAsGhost();
      expect(await guest.ask("id -u")).toBe("61120");
      await guest.logOut();
    }

    it.each(walk(LEASING, INSTANT_PARTS))(
      "is killed at %s of a login as guest, the same login can try again",
      async (instant) => {
        const terminal = await refuseAt(instant);
        await terminal.expect(/login: $/);
        terminal.send("guest\n");
        await terminal.prepareShell();
        expect(await terminal.ask("readlink /proc/self/ns/mnt")).not.toBe(await machine.sh("readlink /proc/1/ns/mnt"));
        // By name and by UID.
        const known = "id -u; getent passwd $(id -u) | cut -d: -f1; getent passwd $LOGNAME | cut -d: -f3";
        expect(await terminal.ask(known)).toMatch(/^61120\nguest-[a-z2-7]{4}\n61120$/);
        await terminal.logOut();
        await expectAccountBack();
      },
    );

    it.each(walk([...LEASING, ...OPENING_LEASED], INSTANT_PARTS))(
      "is killed at %s of a login as guest, nothing is left, and the account is free again",
      async (instant) => {
        const terminal = await refuseAt(instant);
        terminal.hangUp();
        expect(terminal.transcript).not.toMatch(/[$#] $/);
        await expectAccountBack();
      },
    );
  });
});
