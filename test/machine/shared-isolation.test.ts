// Two hostile guests at once: with their own accounts (login), and with one account (ssh).
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor } from "../helpers/wait.ts";

describeMachine("two guests", (release) => {
  describe.each(["login", "ssh"] as const)("by %s", (way) => {
    let machine: Machine;
    let one: Terminal;
    let two: Terminal;
    /** The other guest's process, by its host PID. */
    let victim: number;

    beforeAll(async () => {
      machine = await Machine.boot(release);
      [one, two] = [await logIn(), await logIn()];
      await two.ask(
        "echo secret >~/diary; echo secret >/tmp/diary; echo secret >/dev/shm/diary; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)",
      );
      victim = await waitFor("the other one's process", async () => (await findPids(machine, "sleep 4711"))[0]);
    });
    afterEach(async () => {
      // The other guest, the host and guestd are unchanged.
      expect(await two.ask("cat ~/diary /tmp/diary /dev/shm/diary")).toBe("secret\nsecret\nsecret");
      expect(await findPids(machine, "sleep 4711")).toEqual([victim]);
      expect(await listSessions(machine)).toHaveLength(2);
    });
    afterAll(async () => {
      await machine.stop();
    });

    const logIn = () => (way === "login" ? machine.loginAsGhost() : machine.sshSession("guest"));

    it("have separate accounts or separate namespaces", async () => {
      const look = "id -u; readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/ipc";
      const [first = [], second = []] = [await one.ask(look), await two.ask(look)].map((text) => text.split("\n"));
      const differs = first.map((line, index) => line !== second[index]);
      expect(differs).toEqual(way === "login" ? [true, true, false, true] : [false, true, true, true]);
    });

    it("do not see each other's processes", async () => {
      expect(
        await one.ask(
          "pgrep -c sleep; ls -d /proc/[0-9]* | xargs -I{} cat {}/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 471[1]",
        ),
      ).toBe("0\n0");
      expect((await one.askStatus(`ls /proc/${victim}`)).code).not.toBe(0);
    });

    it("cannot signal or trace each other's", async () => {
      for (const how of ["kill -9", "kill -STOP", "kill -0"])
        expect((await one.askStatus(`${how} ${victim}`)).code).not.toBe(0);
      expect(
        await one.ask(
          `cat /proc/${victim}/root/tmp/diary /proc/${victim}/environ /proc/${victim}/cwd/diary 2>&1 | grep -c secret`,
        ),
      ).toBe("0");
      expect((await one.askStatus(`nsenter -m -t ${victim} true; nsenter -U -t ${victim} true`)).code).not.toBe(0);
    });

    it("cannot kill more than themselves with kill -9 -1", async () => {
      const third = await logIn();
      third.send("kill -9 -1; exit\n");
      await third.end(20_000);
      await expect.poll(async () => (await listSessions(machine)).length, { timeout: 30_000 }).toBe(2);
      expect(await one.ask("echo alive")).toBe("alive");
    });

    it("do not find each other's files", async () => {
      const directories = "/home /tmp /var/tmp /dev/shm /run/user /run/lock";
      expect(
        await one.ask(`grep -rs secret ${directories} | wc -l; find / -xdev -name diary 2>/dev/null | wc -l`),
      ).toBe("0\n0");
    });

    it("do not share memory, semaphores or queues", async () => {
      await two.ask("ipcmk -M 4096; ipcmk -S 1; ipcmk -Q");
      const listed = await one.ask("cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg | grep -vc key");
      expect(listed).toBe("0");
      const stolen =
        "for kind in m s q; do ipcs -$kind | awk '/^0x/{print $2}' | xargs -rn1 ipcrm -$kind; done 2>&1 | grep -vc 'not permitted\\|denied'";
      expect(await one.ask(stolen)).toBe("0");
      expect(await two.ask("cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg | grep -vc key")).toBe("3");
      await two.ask("ipcrm --all=shm --all=sem --all=msg");
    });

    it("cannot write to each other's terminals, or read from them", async () => {
      const [own, other] = [await one.ask("tty"), await two.ask("tty")];
      if (way === "ssh") expect(other).toBe(own);
      if (way === "login") expect((await one.askStatus(`echo intruder >${other}`)).code).not.toBe(0);
      expect(
        await one.ask(
          "for t in /dev/pts/[0-9]* /dev/tty[0-9]*; do [ $t = $(tty) ] || { echo intruder >$t; } 2>/dev/null; done; ls /dev/pts | wc -l",
        ),
      ).toMatch(/\d/);
      // Earlier output reaches the screen first.
      await two.ask("true");
      expect(two.transcript).not.toContain("intruder");
    });

    it("cannot fill each other's directories", async () => {
      await machine.write(
        "/etc/guestd/guestd.conf.d/small.conf",
        "[Home]\nSize=4M\nInodes=100\n[View]\nPrivateSize=4M\nPrivateInodes=100\n",
      );
      await machine.sh("guestctl reload");
      const hog = await logIn();
      expect(
        await hog.ask(
          "for p in ~ /tmp /var/tmp /dev/shm; do head -c 10M /dev/zero >$p/fill 2>/dev/null; for i in $(seq 200); do : >$p/$i; done 2>/dev/null; df --output=avail $p | tail -1; done",
        ),
      ).toMatch(/^( *0\n?){4}$/);
      expect(
        await two.ask(
          "for p in ~ /tmp /var/tmp /dev/shm; do head -c 2M /dev/zero >$p/mine && rm $p/mine; done; echo done",
        ),
      ).toBe("done");
      await hog.logOut();
      await machine.sh("rm /etc/guestd/guestd.conf.d/small.conf; guestctl reload");
      await expect.poll(async () => (await listSessions(machine)).length, { timeout: 30_000 }).toBe(2);
    });

    it("end one by one", async () => {
      const three = await logIn();
      await three.ask("(setsid sleep 4712 >/dev/null 2>&1 </dev/null &)");
      await three.logOut();
      await expect.poll(async () => (await listSessions(machine)).length, { timeout: 30_000 }).toBe(2);
      expect(await findPids(machine, "sleep 4712")).toEqual([]);
    });
  });
});

describeMachine("guests who share an account", (release) => {
  let machine: Machine;
  const LOOK = "readlink /proc/self/ns/mnt /proc/self/ns/pid; cat /proc/1/comm; ps -e -o pid= | wc -l";

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async () => {
    await awaitNoSessions(machine);
    expect(await findPids(machine, "guest-reaper")).toEqual([]);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it.each([
    { name: "su", argv: ["su", "-", "guest"] },
    { name: "sudo -iu", argv: ["sudo", "-iu", "guest"] },
    { name: "ssh", argv: ["ssh", "-tt", "guest@localhost"] },
    { name: "login, as an account with a password", argv: [] },
  ])("have their own processes by $name", async ({ argv }) => {
    const guest = argv.length === 0 ? await machine.login("guest1") : machine.terminal(argv);
    if (argv.length > 0) await guest.prepareShell();
    const [mnt, pid] = (await guest.ask(LOOK)).split("\n");
    expect(mnt).not.toBe(await machine.sh("readlink /proc/1/ns/mnt"));
    expect(pid).not.toBe(await machine.sh("readlink /proc/1/ns/pid"));
    expect((await machine.run(["pgrep", "-c", "guest-reaper"])).stdout).toBe("1\n");
    // The first process is guestd's: hidden, and out of reach.
    expect((await guest.askStatus("ls /proc/1/exe; kill -9 1")).code).not.toBe(0);
    await guest.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    await guest.logOut();
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
  });

  it("have no user manager, and their own runtime directory", async () => {
    const { stdout } = await machine.ssh(
      "guest",
      "echo $XDG_RUNTIME_DIR; touch $XDG_RUNTIME_DIR/mine; ls -A $XDG_RUNTIME_DIR; systemctl --user 2>&1 | head -1; stat -c '%u %a' $XDG_RUNTIME_DIR",
    );
    expect(stdout).toMatch(/^\/run\/user\/60000\nmine\nFailed to connect.*\n60000 700\n$/);
    expect(await machine.sh("ls -A /run/user/60000 2>/dev/null || true")).not.toContain("mine");
  });

  it("have one view for shell, command, sftp and scp of a connection, and another for each connection", async () => {
    const control = ["-o", "ControlPath=/root/one", "-o", "ControlMaster=auto"];
    const shell = await machine.sshSession("guest", control);
    const look = "readlink /proc/self/ns/mnt /proc/self/ns/pid";
    const own = await shell.ask(look);
    expect((await machine.ssh("guest", look, { options: control })).stdout.trim()).toBe(own);
    expect(
      (
        await machine.run(["sftp", "-q", "-o", "ControlPath=/root/one", "-b", "-", "guest@localhost"], {
          input: "put /etc/hostname by-sftp\n",
        })
      ).code,
    ).toBe(0);
    expect(
      (await machine.run(["scp", "-q", "-o", "ControlPath=/root/one", "/etc/hostname", "guest@localhost:by-scp"])).code,
    ).toBe(0);
    expect(await shell.ask("ls -1 ~")).toBe("by-scp\nby-sftp");
    const other = await machine.ssh("guest", `${look}; ls ~`);
    expect(other.stdout.trim().split("\n")).toHaveLength(2);
    expect(other.stdout).not.toContain(own);
    await shell.logOut();
  });

  it("end with their first process", async () => {
    const shell = await machine.sshSession("guest");
    await shell.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    await machine.sh("pkill -9 guest-reaper");
    expect(await shell.end()).not.toBe(0);
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
  });

  it("survive a restart of guestd, with their namespaces", async () => {
    const shell = await machine.sshSession("guest");
    const before = await shell.ask(LOOK);
    for (const how of ["systemctl restart guestd", "systemctl kill --signal=KILL guestd"]) {
      await machine.sh(`${how}; while ! guestctl status; do :; done`);
      expect(await shell.ask(LOOK)).toBe(before);
    }
    await shell.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    const [session] = await listSessions(machine);
    await machine.sh(`guestctl end ${session?.id}`);
    await shell.end();
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
  });

  it("let programs of the PAM stack run before, during and after the session", async () => {
    await machine.write(
      "/usr/local/sbin/note",
      "#!/bin/sh\n{ readlink /proc/self/ns/pid || echo outside; } >>/run/noted\n",
      "755",
    );
    await machine.sh(
      "cp /etc/pam.d/sshd /root/sshd.pam; sed -i -e '1i session required pam_exec.so /usr/local/sbin/note' -e '$a session required pam_exec.so /usr/local/sbin/note' /etc/pam.d/sshd",
    );
    const { code, stdout } = await machine.ssh("guest", "readlink /proc/self/ns/pid");
    expect(code).toBe(0);
    await awaitNoSessions(machine);
    const host = await machine.sh("readlink /proc/1/ns/pid");
    // Opening: on the host, then in the session. Closing: in the session, then on the host, which the view's /proc does
    // not show.
    expect((await machine.sh("cat /run/noted")).split("\n")).toEqual([host, stdout.trim(), stdout.trim(), "outside"]);
    await machine.sh("mv /root/sshd.pam /etc/pam.d/sshd; rm /run/noted");
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
