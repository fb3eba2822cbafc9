// Guests on machines with real-world mounts.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { waitUntil } from "../helpers/wait.ts";

/** Expires after an idle second. */
const unitsOf = (where: string, what: string) =>
  [
    ["mount", `[Mount]\nWhat=${what}\nWhere=${where}\nType=none\nOptions=bind\n`],
    ["automount", `[Automount]\nWhere=${where}\nTimeoutIdleSec=1s\n`],
  ] as const;

/** A look at an automount point without its other end never ends, and is killed. */
const LOOK_S = 20;

describeMachine("a guest's view on a machine", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    // nspawn lacks the automounter's device. systemd looks for it at its start.
    await machine.sh("mknod /dev/autofs c 10 235; systemctl daemon-reexec");
  });
  afterEach(async () => {
    await endAll();
    await machine.sh("rm -f /etc/guestd/guestd.conf.d/test.conf; guestctl reload");
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function endAll(): Promise<void> {
    for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
  }

  async function configure(...lines: string[]): Promise<void> {
    await machine.write("/etc/guestd/guestd.conf.d/test.conf", `${lines.join("\n")}\n`);
    await machine.sh("guestctl reload");
  }

  async function beRefused(): Promise<void> {
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    await terminal.expect(/could not be started/);
    terminal.hangUp();
  }

  const look = (path: string) => machine.run(["timeout", "-s", "KILL", String(LOOK_S), "ls", "-A", path]);

  async function startAutomount(where: string, what: string): Promise<string> {
    const name = where.slice(1).replaceAll("/", "-");
    for (const [kind, text] of unitsOf(where, what)) await machine.write(`/run/systemd/system/${name}.${kind}`, text);
    await machine.sh(`mkdir -p ${what} ${where}; systemctl daemon-reload; systemctl start ${name}.automount`);
    return name;
  }

  const awaitExpiry = (name: string) =>
    waitUntil(
      `${name}.mount to expire`,
      () => machine.run(["systemctl", "is-active", "--quiet", `${name}.mount`]),
      (seen) => seen.code !== 0,
      60_000,
    );

  async function stopAutomount(name: string): Promise<void> {
    await machine.sh(`systemctl stop ${name}.automount ${name}.mount; rm /run/systemd/system/${name}.*mount
      systemctl daemon-reload`);
  }

  it("whose /home is an automount that expires blocks no process, and the session continues", async () => {
    await machine.sh("mkdir -p /srv/people/bob /srv/disk; echo secret >/srv/people/bob/file");
    const name = await startAutomount("/home", "/srv/people");
    // Once this has expired, /home would have, too.
    const clock = await startAutomount("/opt/clock", "/srv/disk");
    const logins = [() => machine.loginAsGhost(), () => machine.loginAsGhost(), () => machine.login("guest1")];
    try {
      for (const [round, login] of logins.entries()) {
        if (round === 0) expect((await look("/home")).stdout).toBe("bob\n");
        else await awaitExpiry(name);
        const guest = await login();
        await guest.ask("echo mine >~/mine");
        for (let times = 0; times < 2; times++) {
          await look("/opt/clock");
          await awaitExpiry(clock);
          expect(await look("/home"), `login ${round}`).toMatchObject({ code: 0, stdout: "bob\n" });
        }
        expect(await guest.ask("cat ~/mine; ls /home | wc -l; cat /home/bob/file 2>&1 | grep -c secret")).toBe(
          "mine\n1\n0",
        );
        expect(await guest.ask("grep -c ' /home .* - autofs' /proc/self/mountinfo")).toBe("0");
        await guest.logOut();
        await endAll();
        await awaitExpiry(name);
        expect(await look("/home"), `after login ${round}`).toMatchObject({ code: 0, stdout: "bob\n" });
      }
    } finally {
      await endAll();
      await stopAutomount(name);
      await stopAutomount(clock);
    }
  }, 180_000);

  it("with an automount below a read-only path shows no dead mount point, and the host can mount it again", async () => {
    await machine.sh("mkdir -p /srv/disk /opt/auto /opt/kept; touch /srv/disk/file");
    const name = await startAutomount("/opt/auto", "/srv/disk");
    try {
      expect((await look("/opt/auto")).stdout).toBe("file\n");
      await configure("[View]", "ReadOnly=/opt");
      const guest = await machine.loginAsGhost();
      expect(await guest.ask("ls -d /opt/auto /opt/kept; touch /opt/kept/x")).toMatch(
        /^\/opt\/auto\s+\/opt\/kept\n.*Read-only file system$/,
      );
      await awaitExpiry(name);
      expect(await look("/opt/auto")).toMatchObject({ code: 0, stdout: "file\n" });
      await guest.logOut();
    } finally {
      await endAll();
      await stopAutomount(name);
    }
  });

  it("with an automount as a read-only path or a bind mounts it and shows its contents", async () => {
    await machine.sh("mkdir -p /srv/course /mnt/course /mnt/bound; touch /srv/course/lesson");
    const name = await startAutomount("/mnt/course", "/srv/course");
    try {
      await configure("[View]", "Bind=/mnt/course:/mnt/bound", "ReadOnly=/mnt/course");
      const guest = await machine.loginAsGhost();
      expect(await guest.ask("ls /mnt/bound /mnt/course; touch /mnt/course/x")).toMatch(
        /^\/mnt\/bound:\nlesson\n\n\/mnt\/course:\nlesson\n.*Read-only/,
      );
      await guest.logOut();
    } finally {
      await endAll();
      await stopAutomount(name);
    }
  });

  it("whose /home, /tmp and /var/lock are symbolic links has private ones at their targets", async () => {
    await machine.sh(`mv /home /var/home; ln -s var/home /home
      mkdir -m 1777 /srv/tmp; echo host >/srv/tmp/of-host; cp -a /tmp /tmp.kept; mount -t tmpfs -o mode=755 links /opt
      mkdir -m 1777 /opt/scratch; ln -s /srv/tmp /opt/tmp; echo secret >/var/home/alice/secret`);
    try {
      await configure("[View]", "Private=/opt/tmp /var/lock");
      const guest = await machine.loginAsGhost();
      expect(await guest.ask("pwd; echo mine >~/mine && cat ~/mine; ls /home/ /var/home")).toMatch(
        /^\/home\/(guest-\w+)\nmine\n\/home\/:\n\1\n\n\/var\/home:\n\1$/,
      );
      expect(
        await guest.ask("ls -A /opt/tmp/ /srv/tmp; stat -c %a /srv/tmp; echo x >/var/lock/of-guest; ls /run/lock"),
      ).toBe("/opt/tmp/:\n\n/srv/tmp:\n1777\nof-guest");
      await guest.logOut();
      const shared = await machine.login("guest1");
      expect(await shared.ask("pwd; ls -A /var/home")).toBe("/home/guest1\nguest1");
      await shared.logOut();
    } finally {
      await endAll();
      await machine.sh("umount /opt; rm /home; mv /var/home /home; rm -r /srv/tmp /tmp.kept");
    }
  });

  it("with links that other users could change refuses the guest, and names the path", async () => {
    await machine.sh("mkdir -p /srv/own; ln -sfn /home /srv/own/link; chown alice /srv/own");
    await configure("[View]", "Hide=/srv/own/link");
    await beRefused();
    const lines = await unexpectedLines(machine);
    expect(lines.join("\n")).toMatch(/\/srv\/own\/link: .*a symbolic link is in the path/);
    await machine.sh("rm -r /srv/own; journalctl --rotate; journalctl --vacuum-time=1s");
  });

  it("with second mounts of hidden directories shows nothing of them, and explain says why", async () => {
    await machine.sh(`echo secret >/home/alice/secret; echo note >/tmp/note
      mkdir -p /srv/nfs4/home /srv/chroot/home /srv/chroot/tmp /srv/alice /srv/whole
      mount --bind /home /srv/nfs4/home; mount --bind /home /srv/chroot/home; mount --bind /home/alice /srv/alice
      mount --bind /tmp /srv/chroot/tmp; mount --bind / /srv/whole`);
    try {
      const guest = await machine.loginAsGhost();
      const found = await guest.ask(
        "find /srv -name secret -o -name note 2>/dev/null; ls -A /srv/alice /srv/*/home; ls -d /srv/whole/usr",
      );
      expect(found).toBe("/srv/alice:\n\n/srv/chroot/home:\n\n/srv/nfs4/home:\n\n/srv/whole/home:\n/srv/whole/usr");
      const { plan } = JSON.parse(await machine.sh("guestctl explain guest --json")) as {
        plan: { kind: string; target: string; why?: string }[];
      };
      expect(plan).toContainEqual({ kind: "hide", target: "/srv/nfs4/home", optional: true, why: "shows /home" });
      expect(await machine.sh("guestctl explain guest")).toMatch(/hide +\/srv\/whole\/home optional why=shows \/home/);
      await guest.logOut();
    } finally {
      await endAll();
      await machine.sh("umount /srv/nfs4/home /srv/chroot/home /srv/chroot/tmp /srv/alice /srv/whole");
    }
  });

  it("with strict mount options is no less strict", async () => {
    await machine.sh(`for place in /tmp /var/tmp /home; do mount --bind $place $place; mount -o remount,bind,noexec $place; done
      mount -o remount,noexec /dev/shm`);
    try {
      const guest = await machine.loginAsGhost();
      for (const place of ["/tmp", "/var/tmp", "/dev/shm", "~"]) {
        const run = `cp /bin/true ${place}/p && ${place}/p; echo $?; grep -c " $(realpath ${place}) .*noexec" /proc/self/mountinfo`;
        expect(await guest.ask(run), place).toMatch(/Permission denied\n126\n1$/);
      }
      await guest.logOut();
    } finally {
      await endAll();
      await machine.sh("umount /tmp /var/tmp /home; mount -o remount,exec /dev/shm");
    }
  });

  it("with a read-only root directory lets the guest write to their own paths", async () => {
    await machine.sh("mount --bind /var/lib /var/lib; mount -o remount,bind,ro /");
    try {
      const guest = await machine.loginAsGhost();
      expect(await guest.ask("touch ~/x /tmp/x /var/tmp/x /dev/shm/x && echo written; touch /var/x")).toMatch(
        /^written\n.*Read-only file system$/,
      );
      await guest.logOut();
    } finally {
      await endAll();
      await machine.sh("mount -o remount,bind,rw /; umount /var/lib");
    }
  });

  it("creates the target of a bind in a private or hidden directory, and skips only a missing source", async () => {
    await machine.sh("mkdir -p /srv/lessons; echo lesson >/srv/lessons/one");
    await configure("[View]", "Bind=/srv/lessons:/tmp/lessons /srv/lessons/one:/home/course/one -/srv/none:/tmp/none");
    const guest = await machine.loginAsGhost();
    expect(await guest.ask("cat /tmp/lessons/one /home/course/one; ls /tmp/none; touch /tmp/lessons/x")).toMatch(
      /^lesson\nlesson\n.*No such file.*\n.*Read-only/,
    );
    await guest.logOut();
    await configure("[View]", "Bind=-/srv/lessons:/srv/none");
    await beRefused();
    expect((await unexpectedLines(machine)).join("\n")).toMatch(/\/srv\/none: .*made only inside a tmpfs of the plan/);
    await machine.sh("journalctl --rotate; journalctl --vacuum-time=1s");
  });

  it("that refuses the overlay of /etc says why, and what to set", async () => {
    // The kernel allows only one overlay over another: the machine's root is one.
    await machine.sh(`mkdir -p /run/stack/lower /run/stack/up; mkdir -p /etc/guestd/etc
      mount -t tmpfs stack /run/stack; mkdir /run/stack/up /run/stack/work
      mount -t overlay stack -o lowerdir=/etc,upperdir=/run/stack/up,workdir=/run/stack/work /etc`);
    try {
      await beRefused();
      expect((await unexpectedLines(machine)).join("\n")).toMatch(
        /\/etc: .*; set Mode=bind in \[Etc\] of guestd\.conf/,
      );
      await configure("[Etc]", "Mode=bind");
      const guest = await machine.loginAsGhost();
      await guest.logOut();
    } finally {
      await endAll();
      await machine.sh("umount /etc /run/stack; journalctl --rotate; journalctl --vacuum-time=1s");
    }
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
