// What a guest sees, and what all other users still see.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine, PASSWORD } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";

describeMachine("a guest's view", (release) => {
  let machine: Machine;
  let guest: Terminal;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/etc/guestd/etc/issue", "Welcome, guest\n");
    await machine.write("/etc/guestd/etc/profile.d/guest.sh", "export FROM_OVERLAY=yes\n");
    await machine.write("/etc/guestd/skel/README", "yours until you leave\n");
    await machine.sh(
      "mkdir -p /etc/guestd/skel/.config/deep; echo x >/etc/guestd/skel/.config/deep/file; chmod 500 /etc/guestd/skel/.config/deep; chmod 700 /etc/guestd/skel/.config",
    );
    await machine.write("/etc/hidden.conf", "nothing for guests\n");
    await machine.write(
      "/etc/guestd/guestd.conf.d/test.conf",
      "[Etc]\nHide=hidden.conf\n[View]\nReadOnly=/opt\nHide=/srv/private\nBind=/srv/course:/mnt\n",
    );
    await machine.sh(
      "mkdir -p /srv/private /srv/course; echo lesson >/srv/course/one; echo secret >/srv/private/file; chmod 777 /opt /srv/course",
    );
    await machine.sh(
      "echo host >/tmp/of-host; echo host >/dev/shm/of-host; echo mail >/var/mail/alice; chmod 666 /var/mail/alice; echo keep >/home/guest1/of-host",
    );
    guest = await machine.login("guest1");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** passwd(1) is setuid root: it writes /etc/shadow wherever that is writable. */
  async function tryToChangeEtc(terminal: Terminal, user: string): Promise<void> {
    const before = await machine.sh("sha256sum /etc/passwd /etc/shadow /etc/group");
    const { stdout } = await terminal.askStatus(
      `printf '${PASSWORD}\\nNew-4711-word\\nNew-4711-word\\n' | passwd; chsh -s /bin/sh </dev/null; touch /etc/by-${user}`,
    );
    expect(stdout).toMatch(/Authentication token manipulation error|password unchanged/);
    expect(await machine.sh("sha256sum /etc/passwd /etc/shadow /etc/group")).toBe(before);
    expect(await machine.sh(`ls /etc/by-${user} 2>&1 || true`)).toMatch(/No such file/);
  }

  it("has its own home in memory, limited, private, with the skeletons", async () => {
    expect(await guest.ask("pwd; stat -c '%a %U' ~; stat -f -c %T ~")).toBe("/home/guest1\n700 guest1\ntmpfs");
    expect(await guest.ask("ls -1A ~; cat ~/README")).toBe(
      ".bash_logout\n.bashrc\n.config\n.local\n.profile\nREADME\nyours until you leave",
    );
    expect(await guest.ask("stat -c '%U %a' ~/README ~/.config ~/.config/deep; cat ~/.config/deep/file")).toBe(
      "guest1 644\nguest1 700\nguest1 500\nx",
    );
    expect(await guest.ask("awk '$5 == ENVIRON[\"HOME\"]' /proc/self/mountinfo")).toMatch(
      /rw,nosuid,nodev.* - tmpfs .*size=\d+k,nr_inodes=200000/,
    );
  });

  it("shows root, through the overlay, what only root may read", async () => {
    const id = await guest.ask("echo $GUEST_SESSION");
    const leader = (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0;
    await machine.sh("install -m 600 -o alice /dev/null /etc/of-alice; echo private >/etc/of-alice");
    expect(await machine.sh(`nsenter -t ${leader} -m sh -c 'wc -l </etc/shadow; cat /etc/of-alice'`)).toMatch(
      /^\d+\nprivate$/,
    );
  });

  it("lacks the host's home directory, which is unchanged", async () => {
    await guest.ask("echo mine >~/mine");
    expect(await machine.sh("ls -A /home/guest1 | grep -v '^\\.'; cat /home/guest1/of-host")).toBe("of-host\nkeep");
  });

  it("has its own /tmp, /var/tmp, /dev/shm and /run/lock", async () => {
    for (const directory of ["/tmp", "/var/tmp", "/dev/shm", "/run/lock"]) {
      expect(
        await guest.ask(
          `ls ${directory}; stat -c %a ${directory}; echo x >${directory}/of-guest; cat ${directory}/of-guest`,
        ),
        directory,
      ).toBe("1777\nx");
      expect((await machine.run(["ls", `${directory}/of-guest`])).code, directory).not.toBe(0);
    }
    const sockets = ["ICE", "X11", "XIM", "font"].map((name) => `/tmp/.${name}-unix 1777 root`);
    expect(await guest.ask("stat -c '%n %a %U' /tmp/.*")).toBe(sockets.join("\n"));
    expect(await machine.sh("cat /tmp/of-host /dev/shm/of-host")).toBe("host\nhost");
  });

  it("has a private XDG_RUNTIME_DIR that is not the host's", async () => {
    expect(await guest.ask('cd "$XDG_RUNTIME_DIR" && pwd && stat -c "%a %U" . && touch x && ls')).toBe(
      "/run/user/1001\n700 guest1\nx",
    );
    expect(await machine.sh("ls -A /run/user/1001")).toBe("");
    await guest.ask("cd");
  });

  it("shows no other user's home, mail and spools", async () => {
    expect(await guest.ask("ls -A /home")).toBe("guest1");
    expect(await guest.ask("ls -A /root /var/mail /var/spool/cron | grep -v :; cat /home/alice/.bashrc")).toMatch(
      /^\s*cat: .*No such file/,
    );
  });

  it("shows no other user's processes", async () => {
    expect(await guest.ask("ls -1A /proc/1; ps -e -o user= | sort -u")).toBe("cgroup\nproc\nguest1");
    expect(await guest.ask("ls -d /proc/1/proc/1")).toMatch(/No such file/);
  });

  it("has the overlaid /etc: added, replaced and hidden; all other users read the host's", async () => {
    const host = await machine.sh("cat /etc/issue");
    expect(host).toContain("Debian");
    expect(
      await guest.ask("cat /etc/issue; echo $FROM_OVERLAY; cat /etc/hidden.conf; grep -c guest1 /etc/passwd"),
    ).toBe("Welcome, guest\nyes\ncat: /etc/hidden.conf: No such file or directory\n1");
    const alice = await machine.login("alice");
    expect(await alice.ask("cat /etc/issue /etc/hidden.conf; ls /etc/profile.d/guest.sh")).toBe(
      `${host}\nnothing for guests\nls: cannot access '/etc/profile.d/guest.sh': No such file or directory`,
    );
    await alice.logOut();
  });

  it("cannot change /etc or read-only paths, nor see what the administrator hid", async () => {
    expect(await guest.ask("touch /etc/x /opt/x")).toMatch(
      /'\/etc\/x': (Read-only|Permission).*\n.*'\/opt\/x': Read-only file system/,
    );
    expect(await guest.ask("ls -A /srv/private; cat /mnt/one; touch /mnt/x")).toMatch(
      /^lesson\n.*Read-only file system$/,
    );
  });

  it("mounts nothing writable without nosuid and nodev", async () => {
    const mounts = await guest.ask("awk '$6 ~ /^rw/ && / - tmpfs guest-/' /proc/self/mountinfo");
    for (const line of mounts.split("\n")) expect(line).toMatch(/rw,nosuid,nodev.*size=\d+k,nr_inodes=\d+/);
  });

  it("has the session's id in the environment, and no more descriptors than alice's login", async () => {
    const [session] = await listSessions(machine);
    expect(await guest.ask("echo $GUEST_SESSION")).toBe(session?.id);
    const descriptors = "for fd in /proc/self/fd/*; do readlink $fd; done | sed 's/[0-9][0-9]*/N/g'";
    const alice = await machine.login("alice");
    expect(await guest.ask(descriptors)).toBe(await alice.ask(descriptors));
    await alice.logOut();
  });

  it("keeps hidden paths hidden when the host mounts there later, and shows other new mounts", async () => {
    await machine.sh(
      "mkdir -p /home/late /mnt2; mount -t tmpfs late /home/late; mount -t tmpfs late /mnt2; echo x >/mnt2/x",
    );
    expect(await guest.ask("ls -A /home; ls /mnt2")).toBe("guest1\nx");
    await machine.sh("umount /home/late /mnt2; rmdir /home/late");
  });

  it("cannot be left through a user namespace: no mask can be removed in it", async () => {
    const tries = [
      "umount /home",
      "umount -l /root",
      "umount /srv/private",
      "mount --bind / /tmp && ls -A /tmp/srv/private",
      "mount -o remount,rw,bind /etc && touch /etc/x",
    ];
    for (const attempt of tries) {
      const { code, stdout } = await guest.askStatus(`unshare -Urm sh -c '${attempt}'`);
      expect(`${String(code)} ${stdout}`, attempt).not.toMatch(/^0 .+secret|^0 .*file$/);
    }
    expect(
      await guest.ask(
        "unshare -Urm sh -c 'mount --rbind / /tmp; cat /tmp/srv/private/file; cat /tmp/home/alice/.bashrc' 2>&1 | grep -c 'No such file'",
      ),
    ).toBe("2");
  });

  it("matches its explanation and plan from before", async () => {
    const [session] = await listSessions(machine);
    const { plan } = JSON.parse(await machine.sh(`guestctl show ${session?.id ?? ""} --json`)) as { plan: unknown };
    expect(JSON.parse(await machine.sh("guestctl explain guest1 --json"))).toMatchObject({ verdict: "admitted", plan });
    expect(JSON.parse(await machine.sh("guestctl explain guest4 --service sshd --json"))).toMatchObject({
      verdict: "admitted",
    });
    expect(JSON.parse(await machine.sh("guestctl explain alice --json"))).toMatchObject({
      verdict: "ignored",
      plan: [],
    });
    expect(JSON.parse(await machine.sh("guestctl explain guest1 --service cron --json"))).toMatchObject({
      verdict: "refused",
    });
  });

  it("has no user manager, which would run outside, and no unit fails for that", async () => {
    expect((await guest.askStatus("systemd-run --user true")).code).not.toBe(0);
    expect((await guest.askStatus("systemctl --user status")).code).not.toBe(0);
    expect((await machine.run(["pgrep", "-u", "guest1", "-x", "systemd"])).stdout).toBe("");
    expect(await machine.sh("systemctl --failed --no-legend")).toBe("");
  });

  it("protects the host's /etc from setuid root programs", async () => {
    await tryToChangeEtc(guest, "guest1");
  });

  it("protects the host's /etc from setuid root programs without an overlay, too", async () => {
    await machine.sh(
      "mv /etc/guestd/etc /etc/guestd/gone; printf '[Etc]\\nHide=\\n' >/etc/guestd/guestd.conf.d/zz.conf; guestctl reload",
    );
    const plain = await machine.login("guest3");
    expect(await plain.ask("cat /etc/issue")).toContain("Debian");
    await tryToChangeEtc(plain, "guest3");
    await plain.logOut();
    await machine.sh("mv /etc/guestd/gone /etc/guestd/etc; rm /etc/guestd/guestd.conf.d/zz.conf; guestctl reload");
  });

  it("is built file by file with Mode=bind", async () => {
    await machine.write("/etc/guestd/guestd.conf.d/zz.conf", "[Etc]\nMode=bind\n");
    await machine.sh("guestctl reload");
    const bound = await machine.login("guest2");
    expect(
      await bound.ask(
        "cat /etc/issue; test -s /etc/hidden.conf || echo empty; grep -c ' /etc/issue ' /proc/self/mountinfo",
      ),
    ).toBe("Welcome, guest\nempty\n1");
    expect(await bound.ask("grep -c overlay.guestd /proc/self/mountinfo; grep -c guest2 /etc/subuid /etc/subgid")).toBe(
      "0\n/etc/subuid:0\n/etc/subgid:0",
    );
    await tryToChangeEtc(bound, "guest2");
    await bound.logOut();
    await machine.sh("rm /etc/guestd/guestd.conf.d/zz.conf; guestctl reload");
  });

  it("leaves no unexpected line in the journal", async () => {
    await guest.logOut();
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
