// A UID is not leased until nothing of its guest is left, whatever happens to guestd and the machine. Also tests
// half-saved sessions.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import type { LeasedGuest } from "../helpers/leases.ts";
import { awaitState, endLease, findOwned, listLeases, startLease, stateOf } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitUntil } from "../helpers/wait.ts";

const [FIRST, SECOND] = [61100, 61101];
const CONFIG = "/etc/guestd/guestd.conf.d/two.conf";

/** FS_IOC_SETFLAGS: no machine has chattr(1). */
const setFlags = (path: string, flags: number) =>
  `perl -e 'open(my $f, "<", "${path}") or die; my $flags = pack("L!", ${flags}); ioctl($f, 0x40086602, $flags) // die $!'`;
const IMMUTABLE = 0x10;

/** guestd must remember a UID across these. boot.test.ts has the machine's outages. */
const OUTAGES = {
  "a restart": "systemctl restart guestd",
  "a crash": "systemctl kill --signal=KILL guestd; while ! guestctl status; do :; done",
} as const;

describeMachine("quarantined UIDs", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write(CONFIG, `[Guests]\nLeaseRange=${FIRST}-${SECOND}\n`);
    await machine.sh("guestctl reload");
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await machine.sh("systemctl stop holder 2>/dev/null || true");
    await awaitNoSessions(machine);
    // The UID may become free by itself. guestd does not look again at a user's UID.
    for (const { uid, state } of await listLeases(machine))
      if (state === "quarantined" || state === "foreign")
        await machine.run(["guestctl", "lease", "release", String(uid)]);
    expect(await leftovers(machine)).toBe("");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Another guest takes the UID before it. */
  async function startAs(uid: number): Promise<LeasedGuest> {
    const guest = await startLease(machine);
    if (guest.uid === uid) return guest;
    const wanted = await startLease(machine);
    await endLease(machine, guest);
    expect(wanted.uid).toBe(uid);
    return wanted;
  }

  /** root holds a file of the home. */
  async function endDirty(guest: LeasedGuest): Promise<void> {
    await guest.terminal.ask("echo mine >~/file");
    await machine.sh(
      `systemd-run --quiet --collect --unit=holder --property=Type=exec sh -c 'exec 9<${guest.home}/file; exec sleep 4711'`,
    );
    await waitUntil(
      "root to hold it",
      () => findPids(machine, "sleep 4711"),
      (seen) => seen.length > 0,
    );
    expect((await endLease(machine, guest)).left).toEqual([expect.stringContaining("holds a file of it")]);
    await awaitNoSessions(machine);
  }

  async function countLooks(uid: number): Promise<number> {
    return (await machine.journal("GUEST_ACTION=sweep-uid", `GUEST_UID=${uid}`)).length;
  }

  it("are not leased while something is left, and are released once nothing is", async () => {
    const guest = await startAs(FIRST);
    await endDirty(guest);
    const [row] = (await listLeases(machine)).filter(({ uid }) => uid === FIRST);
    expect(row).toMatchObject({
      state: "quarantined",
      user: guest.user,
      reason: expect.stringMatching(/^open-files: .*\(sleep\) holds a file of it/) as string,
    });
    expect(await machine.sh("guestctl leases")).toMatch(
      new RegExp(`^${FIRST} +quarantined +${guest.user} .*sleep`, "m"),
    );

    const looks = await countLooks(FIRST);
    await waitUntil(
      "guestd to have looked again, twice",
      () => countLooks(FIRST),
      (seen) => seen >= looks + 2,
      40_000,
    );
    expect(await stateOf(machine, FIRST)).toBe("quarantined");
    const other = await startLease(machine);
    expect(other.uid).toBe(SECOND);
    const third = machine.terminal(["login"]);
    await third.expect(/login: /);
    third.send("guest\n");
    await third.expect(/All guest accounts of this machine are in use/);
    third.hangUp();
    await endLease(machine, other);

    await machine.sh("systemctl stop holder");
    await awaitState(machine, FIRST, "rested", 30_000);
    expect((await machine.journal("GUEST_ACTION=release-uid", `GUEST_UID=${FIRST}`)).length).toBe(1);
    expect(await machine.sh("ls /var/lib/guestd/quarantine")).toBe("");
  });

  it.each(Object.entries(OUTAGES))("are kept across %s, and released by an administrator", async (_, outage) => {
    const guest = await startAs(SECOND);
    await endDirty(guest);
    await machine.sh(outage);
    expect((await listLeases(machine)).find(({ uid }) => uid === SECOND)).toMatchObject({
      state: "quarantined",
      user: guest.user,
    });
    const other = await startLease(machine);
    expect(other.uid).toBe(FIRST);
    await endLease(machine, other);
    const again = await startLease(machine);
    expect(again.uid).toBe(FIRST);

    expect(await machine.sh(`guestctl lease release ${SECOND}`)).toContain(`Released uid ${SECOND}`);
    expect(await stateOf(machine, SECOND)).toBe("rested");
    const free = await startLease(machine);
    expect(free.uid).toBe(SECOND);
    await Promise.all([endLease(machine, again), endLease(machine, free)]);
    const { code, stderr } = await machine.run(["guestctl", "lease", "release", String(FIRST)]);
    expect(`${code} ${stderr}`).toMatch(/^1 .*is not quarantined/);
  });

  it("are swept again at a later look: a file that could not be removed, a process that came later", async () => {
    const guest = await startAs(FIRST);
    await machine.sh(
      `echo his >/var/tmp/immutable; chown ${FIRST} /var/tmp/immutable; ${setFlags("/var/tmp/immutable", IMMUTABLE)}`,
    );
    const receipt = await endLease(machine, guest);
    expect(receipt.left).toEqual([expect.stringMatching(/^files: \/var\/tmp\/immutable/)]);
    await awaitState(machine, FIRST, "quarantined");
    await machine.sh(`systemd-run --quiet --collect --uid=${FIRST} sleep 4711; ${setFlags("/var/tmp/immutable", 0)}`);
    await awaitState(machine, FIRST, "rested", 30_000);
    expect(await findOwned(machine, FIRST)).toBe("");
  });

  it("are left alone when they belong to a user by now", async () => {
    const guest = await startAs(FIRST);
    await endDirty(guest);
    // Otherwise a look in progress would remove her new files.
    await machine.sh(
      `systemctl stop guestd; useradd --uid ${FIRST} --no-create-home squatter; echo hers >/var/tmp/hers; chown ${FIRST} /var/tmp/hers`,
    );
    await machine.sh(
      `systemctl stop holder; setpriv --reuid ${FIRST} --clear-groups ipcmk --queue; systemd-run --quiet --collect --unit=hers --uid=${FIRST} sleep 4711`,
    );
    await awaitState(machine, FIRST, "foreign", 40_000);
    expect(await findOwned(machine, FIRST)).toMatch(/^\/var\/tmp\/hers\n.* 61100 [^]*sleep 4711$/);
    await machine.sh(
      "systemctl stop hers; userdel squatter; rm /var/tmp/hers; ipcrm --all=msg; systemctl restart guestd",
    );
    await awaitState(machine, FIRST, "rested", 60_000);
  });

  it("are left alone when they become a user's during a guest's session", async () => {
    const guest = await startAs(FIRST);
    await machine.sh(
      `useradd --uid ${FIRST} --non-unique --no-create-home squatter; echo hers >/var/tmp/hers; chown squatter /var/tmp/hers`,
    );
    expect((await endLease(machine, guest)).left).toEqual(
      expect.arrayContaining([expect.stringContaining("belongs to squatter")]),
    );
    expect(await machine.sh("cat /var/tmp/hers; rm /var/tmp/hers; userdel squatter")).toBe("hers");
  });

  it("are not swept when a session would have used a UID that is taken", async () => {
    await machine.sh(
      `useradd --uid ${SECOND} --no-create-home squatter; echo hers >/var/tmp/hers; chown ${SECOND} /var/tmp/hers`,
    );
    const first = await startLease(machine);
    const terminal = machine.terminal(["login"]);
    await terminal.expect(/login: /);
    terminal.send("guest\n");
    await terminal.expect(/All guest accounts of this machine are in use/);
    terminal.hangUp();
    expect(first.uid).toBe(FIRST);
    await endLease(machine, first);
    expect(await stateOf(machine, SECOND)).toBe("foreign");
    expect(
      await machine.sh("stat -c %u /var/tmp/hers; rm /var/tmp/hers; userdel squatter; systemctl restart guestd"),
    ).toBe(String(SECOND));
  });

  it("leave no unexpected line in the journal", async () => {
    const expected = [
      /is not quarantined/,
      /holds a file of it/,
      /All guest accounts/,
      /\/var\/tmp\/immutable/,
      /belongs to squatter/,
    ];
    expect(await unexpectedLines(machine, ...expected)).toEqual([]);
  });
});
