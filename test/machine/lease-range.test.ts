// The default range of UIDs works with the whole machine. A changed range ends no session. A container without these
// UIDs refuses the ghost.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

const CONFIG = "/etc/guestd/guestd.conf.d/range.conf";
const DROP_IN = "/etc/systemd/system/guestd.service.d/few-uids.conf";
const NAMESPACE = "readlink /proc/self/ns/mnt";

/** Runs a program in a user namespace with 65536 UIDs, like a container. Root outside writes the map. */
const FEW_UIDS = `#!/usr/bin/perl
pipe(my $gone, my $entered); pipe(my $mapped, my $done);
my $pid = $$;
if (!fork) {
  close $entered; sysread $gone, my $byte, 1;
  for my $map ("uid_map", "gid_map") { open my $file, ">", "/proc/$pid/$map" or die; syswrite $file, "0 0 65536\\n" or die; }
  exit;
}
close $done;
syscall(272, 0x10000000) == 0 or die "unshare: $!";
close $entered;
sysread $mapped, my $byte, 1;
wait;
exec @ARGV;
`;

describeMachine("the UIDs of leased accounts", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async () => {
    for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await machine.sh(`rm -f ${CONFIG} ${DROP_IN}; systemctl daemon-reload; systemctl restart guestd`);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const configure = async (range: string) => {
    await machine.write(CONFIG, `[Guests]\nLeaseRange=${range}\n`);
    await machine.sh("guestctl reload");
  };

  it.each([
    ["the first of the default", undefined, "65536"],
    ["the last of the default", "98303-98303", "98303"],
  ])("include %s, which logind, the user manager and IPC accept, and which leaves nothing", async (_, range, uid) => {
    if (range !== undefined) await configure(range);
    const guest = await machine.loginAsGhost();
    expect(await guest.ask("id -u; stat -c %u ~")).toBe(`${uid}\n${uid}`);
    const [session] = await listSessions(machine);
    expect(session).toMatchObject({ uid: Number(uid), state: "open" });
    expect(await machine.sh(`loginctl show-user ${uid} --property=UID --property=State --property=Linger`)).toBe(
      `UID=${uid}\nState=active\nLinger=no`,
    );
    expect(
      await machine.sh(`systemctl is-active user@${uid}.service user-${uid}.slice user-runtime-dir@${uid}.service`),
    ).toBe("active\nactive\nactive");
    expect(await guest.ask(`systemd-run --user --quiet --wait --pipe ${NAMESPACE}`)).toBe(await guest.ask(NAMESPACE));
    await machine.sh(`systemd-run --quiet --wait --uid=${uid} ipcmk --shmem 4096 --semaphore 1 --queue`);
    await guest.logOut();
    expect(await awaitReceipt(machine, session?.id ?? "")).toMatchObject({ uid: Number(uid), left: [] });
    await awaitNoSessions(machine);
    expect(await leftovers(machine)).toBe("");
    expect(
      await machine.sh(
        "cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg | grep -w 65536 | grep -w 98303 || true",
      ),
    ).toBe("");
    expect(await machine.sh("ls -A /run/user")).not.toContain(uid);
  });

  it("of a former range stay with their sessions across a restart of guestd, and rest afterwards", async () => {
    await configure("60600-61183");
    const guest = await machine.loginAsGhost();
    const [before] = await listSessions(machine);
    expect(before?.uid).toBe(60_600);
    await machine.sh(`rm ${CONFIG}; systemctl restart guestd`);
    expect(await listSessions(machine)).toEqual([before]);
    const second = await machine.loginAsGhost();
    const uid = Number(await second.ask("id -u"));
    expect(uid).toBeGreaterThan(65_535);
    expect(await machine.sh("guestctl leases --all")).toMatch(
      new RegExp(`^60600 +leased .*\\n(65536.* +rested .*\\n)?${uid} +leased .*\\n${uid + 1}.* +unused `, "m"),
    );
    await guest.logOut();
    await second.logOut();
    expect(await awaitReceipt(machine, before?.id ?? "")).toMatchObject({ uid: 60_600, left: [] });
    await awaitNoSessions(machine);
    expect(await machine.sh("cat /var/lib/guestd/rested")).toMatch(/^ *60600$/m);
    expect(await unexpectedLines(machine)).toEqual([]);
  });

  it("saved by earlier versions one by one are imported", async () => {
    await machine.sh(`systemctl stop guestd; rm -f /var/lib/guestd/rested; mkdir -p /var/lib/guestd/leases
      for uid in 65536 65537; do echo '{"uid":'$uid',"at":5}' >/var/lib/guestd/leases/$uid; done; systemctl start guestd`);
    expect(await machine.sh("guestctl leases --all")).toMatch(/^65536-65537 +rested .*\n65538-98303 +unused/m);
    expect(await machine.sh("ls /var/lib/guestd/leases 2>/dev/null || echo gone")).toBe("gone");
  });

  it("that a container lacks refuse the ghost with a sentence, and status says what to set", async () => {
    await machine.write("/usr/local/sbin/few-uids", FEW_UIDS, "755");
    await machine.write(
      DROP_IN,
      "[Service]\nRestrictNamespaces=no\nCapabilityBoundingSet=CAP_SETGID CAP_SETFCAP\nExecStart=\nExecStart=/usr/local/sbin/few-uids /usr/bin/node /usr/lib/guestd/guestd.js\n",
    );
    await machine.sh("systemctl daemon-reload; systemctl restart guestd");
    expect(await machine.sh("cat /proc/$(systemctl show -P MainPID guestd)/uid_map")).toMatch(/^ +0 +0 +65536$/);
    const status = () => machine.sh("guestctl status || true");
    const said = await status();
    expect(said).toContain(
      "None of the uids 65536-98303 exists here, so the ghost is refused: /proc/self/uid_map of this container has 0-65535. " +
        "Set LeaseRange= in [Guests] to some of these, such as LeaseRange=60600-61183, or give the container more uids",
    );
    expect(said.match(/exists here/g), "it is said once").toHaveLength(1);
    expect(await machine.sh("guestctl explain guest")).toContain("refused: None of the uids 65536-98303 exists here");
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    await terminal.expect(/this machine lacks the UIDs for their accounts\. Please ask the administrator/);
    await configure("60600-61183");
    // The UIDs exist, but guestd in a container may not enter other mount namespaces.
    const fault =
      /refused: The view cannot be built: setns: .*\(EPERM\); guestd needs CAP_SYS_ADMIN and CAP_SYS_CHROOT/;
    for (const command of ["status || true", "explain guest"])
      expect(await machine.sh(`guestctl ${command}`)).toMatch(fault);
    terminal.send("guest\n");
    await terminal.expect(/guest session could not be started/i);
  });
});
