// PAM modules above pam_guest run on the host for the account. Files that they create are removed, and an administrator
// is told.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import type { LeasedGuest } from "../helpers/leases.ts";
import { awaitState, endLease, findOwned, foundIn, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { awaitReturn, mainPid } from "../helpers/recovery.ts";
import { waitFor } from "../helpers/wait.ts";

const LOGIN = "/etc/pam.d/login";
const MKHOMEDIR = "pam_mkhomedir.so";

/** guestd's find(1) for a new home. First creates the home, for as many logins as /run/homes says. */
const EAGER_FIND = `#!/bin/bash
for home; do
  left=$(cat /run/homes 2>/dev/null || echo 0)
  if [[ $home = /home/guest-* ]] && ((left > 0)); then
    mkdir "$home"
    echo $((left - 1)) >/run/homes
  fi
done
exec /usr/bin/find.distrib "$@"
`;

/** Mounts an automounter's file system on /home. A lookup there waits until this program ends. */
const MUTE = `use Fcntl;
pipe(my $read, my $write) or die;
my ($source, $home, $type) = ("mute", "/home", "autofs");
my $options = sprintf("fd=%d,pgrp=%d,minproto=5,maxproto=5,indirect", fileno($write), getpgrp());
syscall(165, $source, $home, $type, 0, $options) == 0 or die "mount: $!";
sysopen(my $root, "/home", O_RDONLY | O_DIRECTORY) or die "open: $!";
my $ends = 0; $SIG{TERM} = sub { $ends = 1 };
sleep 1 until $ends;
ioctl($root, 0x9362, 0) or die "catatonic: $!";
`;

/** One more than Node's threads. */
const WAITING = 5;

describeMachine("a leased home on the host", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh(`cp -a ${LOGIN} /root/login; mkdir -p /etc/skel/deep/er; echo hello >/etc/skel/deep/er/file`);
  });
  afterEach(async () => {
    await machine.sh(`cp -a /root/login ${LOGIN}`);
    for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    expect(await homes()).toBe("");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Precedes all includes of pam_guest, as some guides say. */
  const putAbove = (...words: string[]) =>
    machine.sh(`sed -i '/^@include common-session/i session optional ${words.join(" ")}' ${LOGIN}`);
  const homes = () => machine.sh("ls -d /home/guest-* 2>/dev/null || true");

  /** pam_mkhomedir has created the home on the disk. */
  async function startAtHome(): Promise<LeasedGuest> {
    await putAbove(MKHOMEDIR);
    const guest = await startLease(machine);
    expect(await machine.sh(`stat -c %u /home/${guest.user} /home/${guest.user}/deep/er/file`)).toBe(
      `${guest.uid}\n${guest.uid}`,
    );
    return guest;
  }

  it("is removed at the end, and the receipt counts its files", async () => {
    const guest = await startAtHome();
    const count = Number(await machine.sh(`find /home/${guest.user} | wc -l`));
    const receipt = await endLease(machine, guest);
    expect(await findOwned(machine, guest.uid)).toBe("");
    expect(await homes()).toBe("");
    expect(receipt.left).toEqual([]);
    expect(foundIn(receipt.swept)).toMatchObject({ home: [count, count, 0] });
    await awaitState(machine, guest.uid, "rested");

    const next = await startLease(machine);
    expect(next.user).not.toBe(guest.user);
    await endLease(machine, next);
  });

  it("is removed when guestd was down at the end", async () => {
    const guest = await startAtHome();
    const before = await mainPid(machine);
    await machine.sh(`kill -KILL ${guest.leader} ${before}`);
    await awaitReturn(machine, before);
    const receipt = await awaitReceipt(machine, guest.id);
    await guest.terminal.end();
    expect(receipt.left).toEqual([]);
    expect(await findOwned(machine, guest.uid)).toBe("");
    expect(await homes()).toBe("");
  });

  it("is reported where root has put a file into it, and removed by a later look when that is gone", async () => {
    await machine.write(
      "/usr/local/sbin/give",
      '#!/bin/sh\n[ "$PAM_TYPE" != open_session ] || mkdir -p "/home/$PAM_USER/roots"\n',
      "755",
    );
    await putAbove("pam_exec.so", "/usr/local/sbin/give");
    const guest = await startLease(machine);
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([`home: /home/${guest.user} is still there: ENOTEMPTY`]);
    expect(foundIn(receipt.swept)).toMatchObject({ home: [1, 0, 1] });
    await awaitState(machine, guest.uid, "quarantined");
    await machine.sh(`rmdir /home/${guest.user}/roots`);
    await awaitState(machine, guest.uid, "rested", 40_000);
  });

  it("is not emptied but reported where something is mounted on it", async () => {
    const guest = await startAtHome();
    await machine.sh(
      `mount -t tmpfs tmpfs /home/${guest.user}; touch /home/${guest.user}/file; chown ${guest.uid} /home/${guest.user}/file`,
    );
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([`home: something is mounted on /home/${guest.user}`]);
    expect(await machine.sh(`ls /home/${guest.user}`)).toBe("file");
    await awaitState(machine, guest.uid, "quarantined");
    await machine.sh(`umount /home/${guest.user}`);
    await awaitState(machine, guest.uid, "rested", 40_000);
    expect(await findOwned(machine, guest.uid)).toBe("");
  });

  it("is found behind a link at /home", async () => {
    await machine.sh("mv /home /var/home; ln -s var/home /home");
    try {
      const guest = await startAtHome();
      const receipt = await endLease(machine, guest);
      expect(receipt.left).toEqual([]);
      expect(await homes()).toBe("");
    } finally {
      await machine.sh("rm /home; mv /var/home /home");
    }
  });

  describe("that exists already", () => {
    beforeAll(async () => {
      await machine.sh("mv /usr/bin/find /usr/bin/find.distrib");
      await machine.write("/usr/bin/find", EAGER_FIND, "755");
    });
    afterEach(async () => {
      await machine.sh("rm -rf /home/guest-*");
    });
    afterAll(async () => {
      await machine.sh("mv /usr/bin/find.distrib /usr/bin/find");
    });

    it("is left alone: the guest gets another name, and the same UID", async () => {
      await machine.sh("echo 2 >/run/homes");
      const guest = await startLease(machine);
      const taken = (await homes()).split("\n");
      expect(taken).toHaveLength(2);
      expect(taken).not.toContain(`/home/${guest.user}`);
      const receipt = await endLease(machine, guest);
      expect(receipt.left).toEqual([]);
      expect((await homes()).split("\n")).toEqual(taken);
      const entries = await machine.journal("GUEST_ACTION=publish-account", `GUEST_SESSION=${guest.id}`);
      const said = entries.map(({ MESSAGE = "" }) => MESSAGE.replace(/ for session \w+/, "")).sort();
      const account = (home: string) => `the account ${home.replace("/home/", "")} (uid ${guest.uid})`;
      expect(said).toEqual([
        ...taken.map((home) => `Did not make ${account(home)}: ${home} is there already.`),
        `Made ${account(guest.user)}.`,
      ]);
    });

    it("three times in a row is a refusal", async () => {
      await machine.sh("echo 3 >/run/homes");
      const terminal = machine.terminal(["login"]);
      await terminal.expect(/login: /);
      terminal.send("guest\n");
      await terminal.expect(/administrator of this machine/);
      terminal.hangUp();
      expect((await homes()).split("\n")).toHaveLength(3);
    });
  });

  it("on a file server that does not answer does not block guestd, and keeps the UIDs quarantined until that answers", async () => {
    await machine.write("/root/mute", MUTE);
    await machine.sh("[ -e /dev/autofs ] || mknod /dev/autofs c 10 235");
    const guests: LeasedGuest[] = [];
    for (let count = 0; count < WAITING; count++) guests.push(await startLease(machine));
    await machine.sh("systemd-run --quiet --collect --unit=mute perl /root/mute");
    await waitFor("it to be mounted", () => machine.sh("grep '^mute /home autofs' /proc/mounts || true"));
    try {
      const receipts = await Promise.all(guests.map((guest) => endLease(machine, guest)));
      const advice = "repair the file server of /home (mute, autofs), or unmount it";
      expect(receipts.map(({ left }) => left)).toEqual(
        guests.map(({ user }) => [`home: /home/${user} could not be looked at in 3 s; ${advice}`]),
      );
      for (const { uid } of guests) await awaitState(machine, uid, "quarantined");

      const terminal = machine.terminal(["login"]);
      await terminal.expect(/login: /);
      terminal.send("guest\n");
      await terminal.expect(/administrator of this machine/);
      terminal.hangUp();
      expect(await machine.sh("guestctl list")).toContain("No guest sessions");
    } finally {
      await machine.sh("systemctl stop mute; umount /home");
    }
    for (const { uid } of guests) await awaitState(machine, uid, "rested", 60_000);
  });

  describe("created by a PAM module", () => {
    const named = `${MKHOMEDIR} (${LOGIN}:`;

    it("has the module named by status, by setup, and by explain for its service", async () => {
      await putAbove(MKHOMEDIR);
      await machine.sh("guestctl reload");
      const { warnings } = JSON.parse((await machine.run(["guestctl", "status", "--json"])).stdout) as {
        warnings: string[];
      };
      expect(warnings).toEqual([expect.stringContaining(named)]);
      expect(await machine.sh("guestctl explain guest")).toContain(named);
      expect(await machine.sh("guestctl explain guest1 --service=login")).toContain(named);
      expect(await machine.sh("guestctl explain guest1 --service=sshd")).not.toContain("To mind");
      const { code, stderr } = await machine.run(["/usr/lib/guestd/setup", "report"]);
      expect(`${code} ${stderr}`).toContain(`0 guestd: ${named}`);
    });

    it("has no such module on a standard machine", async () => {
      await machine.sh("guestctl reload");
      expect(await machine.sh("guestctl status")).not.toContain("To mind");
      expect(await machine.run(["/usr/lib/guestd/setup", "report"])).toMatchObject({ code: 0, stderr: "" });
    });
  });

  it("leaves no unexpected line in the journal", async () => {
    const expected = [
      /is not quarantined/,
      /^Closed session .*: left home: /,
      /is there already\.$/,
      /could not be started/,
      /could not be looked at/,
    ];
    expect(await unexpectedLines(machine, ...expected)).toEqual([]);
  });
});
