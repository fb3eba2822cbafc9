// A machine that went down while guests were in: what they left on disk is swept before anybody comes in again, and each
// has a receipt. And records of sessions that cannot be read.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { awaitNoSessions, awaitReceipt, findPids, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import type { LeasedGuest } from "../helpers/leases.ts";
import { endLease, findOwned, listLeases, startLease, stateOf } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { releases, requireRoot } from "../helpers/root.ts";
import { waitFor } from "../helpers/wait.ts";

const LEDGER = "/var/lib/guestd/open";
const OTHER_BOOT = "01234567-89ab-cdef-0123-456789abcdef";

/** As a reboot does: of what guestd has written down only what is on disk is there. */
const LOSE_MEMORY = "rm -rf /run/guestd/* /run/userdb/*";

/** All that runs as an account that is nobody else's, and what it has at logind. */
const endUser = (uid: number) => `systemctl stop user-${uid}.slice user@${uid}.service 2>/dev/null || true; while pkill -KILL -u ${uid}; do :; done`;

describe.skipIf(!requireRoot("machine tests")).each(releases)("a machine that lost its power on %s", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    for (const { uid, state } of await listLeases(machine)) if (state === "quarantined") await machine.run(["guestctl", "lease", "release", String(uid)]);
    expect(await leftovers(machine)).toBe("");
    expect(await machine.sh(`ls -A ${LEDGER}`)).toBe("");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Has guests be in when the power goes: of them there is what they have on disk, and the ledger of a boot that was. */
  async function losePower(...guests: (LeasedGuest | { readonly id: string; readonly leader: number })[]): Promise<void> {
    await machine.sh("systemctl stop guestd");
    await machine.sh(`cp -a ${LEDGER} /root/ledger`);
    for (const guest of guests) {
      await machine.sh(`kill -KILL ${guest.leader}`);
      if ("uid" in guest) await machine.sh(endUser(guest.uid));
    }
    await machine.sh(`systemctl stop guestd; ${LOSE_MEMORY}; rm -rf ${LEDGER}; mv /root/ledger ${LEDGER}
      sed -i 's/"boot":"[^"]*"/"boot":"${OTHER_BOOT}"/' ${LEDGER}/*.json; grep -L ${OTHER_BOOT} ${LEDGER}/*.json`).catch(() => undefined);
    expect(await machine.sh(`cat ${LEDGER}/*.json | grep -o ${OTHER_BOOT} | wc -l`)).toBe(String(guests.length));
    expect(await machine.sh("systemctl show -P ActiveState guestd")).toBe("inactive");
  }

  it("sweeps what a guest had on disk, and writes the receipt", async () => {
    const guest = await startLease(machine);
    await losePower(guest);
    await guest.terminal.end();
    await machine.sh(`echo his >/var/tmp/his; mkdir /var/tmp/tree; touch /var/tmp/tree/file; chown -R ${guest.uid} /var/tmp/his /var/tmp/tree
      echo hers >/var/tmp/hers; chown alice /var/tmp/hers; touch /var/mail/${guest.user} /var/spool/cron/crontabs/${guest.user}`);
    await machine.sh("systemctl start guestd-boot.service");
    const receipt = await awaitReceipt(machine, guest.id);
    expect(receipt).toMatchObject({ cause: "lost-power", user: guest.user, uid: guest.uid, leased: true, left: [], seconds: 0 });
    expect(JSON.parse(await machine.sh(`guestctl receipt ${guest.id} --json`))).toMatchObject({ cause: "lost-power", clean: true });
    expect(await findOwned(machine, guest.uid)).toBe("");
    expect(await machine.sh(`ls /var/mail /var/spool/cron/crontabs; stat -c %U /var/tmp/hers; rm /var/tmp/hers`)).toBe("/var/mail:\n\n/var/spool/cron/crontabs:\nalice");
    expect(await stateOf(machine, guest.uid)).toBe("rested");
    expect(await machine.sh(`ls -A ${LEDGER}`)).toBe("");
    // Once: neither the next start nor the next boot says it again.
    await machine.sh("systemctl restart guestd");
    expect(await machine.journal(`GUEST_SESSION=${guest.id}`, "GUEST_ACTION=announce-closed", "_SYSTEMD_UNIT=guestd.service")).toHaveLength(1);
  });

  it("keeps a uid back of which something is left", async () => {
    const guest = await startLease(machine);
    await losePower(guest);
    await guest.terminal.end();
    // A directory that is not empty cannot be taken away by its name.
    await machine.sh(`mkdir -p /media/${guest.user}; touch /media/${guest.user}/of-root; systemctl start guestd-boot.service`);
    expect((await awaitReceipt(machine, guest.id)).left).toEqual([expect.stringContaining(`/media/${guest.user}`)]);
    expect(await stateOf(machine, guest.uid)).toBe("quarantined");
    await machine.sh(`systemctl stop guestd; ${LOSE_MEMORY}; systemctl start guestd`);
    expect(await stateOf(machine, guest.uid)).toBe("quarantined");
    await machine.sh(`rm -r /media/${guest.user}`);
    await waitFor("the uid to be swept", async () => (await stateOf(machine, guest.uid)) === "rested", 30_000);
  });

  it("touches nobody who has the guest's uid by now", async () => {
    const guest = await startLease(machine);
    await losePower(guest);
    await guest.terminal.end();
    await machine.sh(`useradd --uid ${guest.uid} --no-create-home squatter; echo hers >/var/tmp/hers; chown squatter /var/tmp/hers
      systemctl start guestd-boot.service`);
    const receipt = await awaitReceipt(machine, guest.id);
    expect(receipt.left).toEqual(expect.arrayContaining([expect.stringContaining("belongs to squatter")]));
    expect(await machine.sh("cat /var/tmp/hers; stat -c %U /var/tmp/hers")).toBe("hers\nsquatter");
    await machine.sh("rm /var/tmp/hers; userdel squatter");
  });

  it("writes the receipt of a guest whose account others share, and takes nothing of theirs", async () => {
    const terminal = await machine.login("guest1");
    const id = await terminal.ask("echo $GUEST_SESSION");
    const leader = (await listSessions(machine))[0]?.leader ?? 0;
    await losePower({ id, leader });
    await terminal.end();
    await machine.sh("echo his >/var/tmp/his; chown guest1 /var/tmp/his; systemctl start guestd-boot.service");
    expect(await awaitReceipt(machine, id)).toMatchObject({ cause: "lost-power", user: "guest1", leased: false, left: [] });
    expect(await machine.sh("cat /var/tmp/his; rm /var/tmp/his")).toBe("his");
    await machine.sh("pkill -KILL -x guest-reaper || true");
  });

  it("starts nothing where nobody was in", async () => {
    await machine.sh("systemctl stop guestd; systemctl reset-failed; systemctl stop guestd-boot; systemctl start guestd-boot.service");
    expect(await machine.sh("systemctl show -P ConditionResult guestd-boot; systemctl is-active guestd || true")).toBe("no\ninactive");
    expect(await machine.sh("systemctl show -P Wants multi-user.target")).toContain("guestd-boot.service");
  });

  it.each([
    { what: "cut off", spoil: (file: string) => `truncate -s 100 ${file}` },
    { what: "empty", spoil: (file: string) => `truncate -s 0 ${file}` },
    { what: "gone", spoil: (file: string) => `rm ${file}` },
  ])("ends a session safely whose record is $what", async ({ spoil }) => {
    const guest = await startLease(machine);
    await guest.terminal.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    await machine.sh(`systemctl stop guestd; ${spoil(`/run/guestd/sessions/${guest.id}.json`)}; touch /var/tmp/his; chown ${guest.uid} /var/tmp/his; guestctl status`);
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ cause: "record-lost", left: [] });
    await guest.terminal.end();
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    expect(await findOwned(machine, guest.uid)).toBe("");
    await awaitNoSessions(machine);
    expect(await stateOf(machine, guest.uid)).toBe("rested");
  });

  it("starts where a session is nowhere to be read, says so, and gives its uid to nobody", async () => {
    await machine.write("/etc/guestd/guestd.conf.d/two.conf", "[Guests]\nLeaseRange=61100-61101\n");
    await machine.sh("guestctl reload");
    const guest = await startLease(machine);
    const before = (await machine.journal("GUEST_ACTION=record-rejected")).length;
    await machine.sh(`systemctl stop guestd; for d in /run/guestd/sessions ${LEDGER}; do echo '}{' >$d/${guest.id}.json; done; guestctl status`);
    expect((await machine.journal("GUEST_ACTION=record-rejected")).slice(before).map((entry) => entry["MESSAGE"])).toEqual([
      expect.stringContaining(`/run/guestd/sessions/${guest.id}.json`), expect.stringContaining(`${LEDGER}/${guest.id}.json`),
    ]);
    expect(await stateOf(machine, guest.uid)).toBe("quarantined");
    const other = await startLease(machine);
    expect(other.uid).not.toBe(guest.uid);
    await endLease(machine, other);
    // He is still in: nothing was concluded of what cannot be read.
    expect(await guest.terminal.ask("id -u")).toBe(String(guest.uid));
    await guest.terminal.logOut();
    await machine.sh(`${endUser(guest.uid)}; rm /etc/guestd/guestd.conf.d/two.conf /run/guestd/sessions/*.rejected; systemctl restart guestd`);
    // Nobody knows the name that the guest had: what goes by it cannot be looked for.
    expect(await stateOf(machine, guest.uid)).toBe("quarantined");
    expect(await machine.sh(`guestctl lease release ${guest.uid}`)).toContain("Released");
  });

  it("leaves no unexpected line in the journal", async () => {
    const expected = [/belongs to squatter/, /left runtime: \/media\/guest-/, /^Set aside the record/, /is not kept back/, /^Failed at sweep-lease of .*(belongs to guest-|no account of a guest)/];
    expect(await unexpectedLines(machine, ...expected)).toEqual([]);
  });
});
