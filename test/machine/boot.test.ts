// A machine goes down while guests are in. Their files on disk are swept before the next login, and each has a receipt.
// Also tests unreadable records.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import {
  awaitNoSessions,
  awaitReceipt,
  findPids,
  leftovers,
  listSessions,
  unexpectedLines,
} from "../helpers/guests.ts";
import { awaitState, endLease, findOwned, listLeases, startLease, stateOf } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { keepJournal, mainPid } from "../helpers/recovery.ts";
import type { Terminal } from "../helpers/terminal.ts";

const LEDGER = "/var/lib/guestd/open";

const endUser = (uid: number) =>
  `systemctl stop user-${uid}.slice user@${uid}.service 2>/dev/null || true; while pkill -KILL -u ${uid}; do :; done`;

/** Outlives the terminal. */
const STAYER = "(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)";

describeMachine("a machine that goes down", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await keepJournal(machine);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    for (const { uid, state } of await listLeases(machine))
      if (state === "quarantined") await machine.run(["guestctl", "lease", "release", String(uid)]);
    expect(await leftovers(machine)).toBe("");
    expect(await machine.sh(`ls -A ${LEDGER}`)).toBe("");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** The boot service's condition, and guestd's state. */
  const swept = () => machine.sh("systemctl show -P ConditionResult guestd-boot; systemctl is-active guestd || true");

  async function cutPower(...terminals: readonly Terminal[]): Promise<void> {
    await machine.restart("power-cut");
    for (const terminal of terminals) await terminal.end();
  }

  it("in order ends every session first, with a receipt", async () => {
    const guests = [await startLease(machine), await startLease(machine)];
    const shared = await machine.sshSession("guest1");
    const ids = [...guests.map(({ id }) => id), await shared.ask("echo $GUEST_SESSION")];
    for (const terminal of [...guests.map((guest) => guest.terminal), shared])
      await terminal.ask(`head -c 5000000 /dev/zero >~/large; ${STAYER}`);
    await guests[0]?.terminal.ask("systemd-run --user --quiet sleep 4711");
    await machine.restart("reboot");
    expect(await swept()).toBe("no\ninactive");
    const receipts = JSON.parse(await machine.sh("guestctl receipts --json")) as {
      readonly id: string;
      readonly cause: string;
      readonly clean: boolean;
    }[];
    expect(receipts.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    for (const receipt of receipts)
      expect(receipt).toMatchObject({
        cause: expect.stringMatching(/^(logout|leader-exited)$/) as string,
        clean: true,
      });
    for (const { uid } of guests) expect(await stateOf(machine, uid)).toBe("rested");
    for (const id of ids) expect((await awaitReceipt(machine, id)).tmpfsBytes).toBeGreaterThanOrEqual(5_000_000);
  });

  it("in order has guestd complete an end that begins while it is told to stop", async () => {
    const guest = await startLease(machine);
    const pid = await mainPid(machine);
    // Both events reach guestd at once.
    await machine.sh(
      `kill -STOP ${pid}; kill -KILL ${guest.leader}; while [ -e /proc/${guest.leader} ]; do :; done; systemctl stop guestd`,
    );
    expect(await machine.sh("systemctl show -P Result guestd")).toBe("success");
    expect(await machine.sh("ls /var/lib/guestd/receipts/clean")).toMatch(new RegExp(`^${guest.id}.json$`, "m"));
    expect(await machine.sh(`ls -A ${LEDGER}`)).toBe("");
    expect(await machine.sh("systemctl is-active guestd || true")).toBe("inactive");
    await guest.terminal.end();
  });

  it("by a power cut has a guest's files on disk swept, and the receipt written", async () => {
    const guest = await startLease(machine);
    await machine.sh(`echo his >/var/tmp/his; mkdir /var/tmp/tree; touch /var/tmp/tree/file; chown -R ${guest.uid} /var/tmp/his /var/tmp/tree
      echo hers >/var/tmp/hers; chown alice /var/tmp/hers; touch /var/mail/${guest.user} /var/spool/cron/crontabs/${guest.user}`);
    await cutPower(guest.terminal);
    // Swept before any call.
    expect(await swept()).toBe("yes\nactive");
    const receipt = await awaitReceipt(machine, guest.id);
    expect(receipt).toMatchObject({
      cause: "lost-power",
      user: guest.user,
      uid: guest.uid,
      leased: true,
      left: [],
      seconds: 0,
    });
    expect(JSON.parse(await machine.sh(`guestctl receipt ${guest.id} --json`))).toMatchObject({
      cause: "lost-power",
      clean: true,
    });
    expect(await findOwned(machine, guest.uid)).toBe("");
    expect(await machine.sh(`ls /var/mail /var/spool/cron/crontabs; stat -c %U /var/tmp/hers; rm /var/tmp/hers`)).toBe(
      "/var/mail:\n\n/var/spool/cron/crontabs:\nalice",
    );
    expect(await stateOf(machine, guest.uid)).toBe("rested");
    expect(await machine.sh(`ls -A ${LEDGER}`)).toBe("");
    // Neither the next start nor the next boot reports it again.
    await machine.sh("systemctl restart guestd");
    await cutPower();
    expect(await swept()).toBe("no\ninactive");
    expect(
      await machine.journal(
        `GUEST_SESSION=${guest.id}`,
        "GUEST_ACTION=announce-closed",
        "_SYSTEMD_UNIT=guestd.service",
      ),
    ).toHaveLength(1);
  });

  it.each(["reboot", "power-cut"] as const)(
    "%s keeps a UID quarantined while something is left, across another one",
    async (how) => {
      const guest = await startLease(machine);
      // rmdir(2) fails for a non-empty directory.
      await machine.sh(`mkdir -p /media/${guest.user}; touch /media/${guest.user}/of-root`);
      await cutPower(guest.terminal);
      expect((await awaitReceipt(machine, guest.id)).left).toEqual([expect.stringContaining(`/media/${guest.user}`)]);
      expect(await stateOf(machine, guest.uid)).toBe("quarantined");
      await machine.restart(how);
      expect(await stateOf(machine, guest.uid)).toBe("quarantined");
      await machine.sh(`rm -r /media/${guest.user}`);
      await awaitState(machine, guest.uid, "rested", 30_000);
    },
  );

  it("does not touch a user who has the guest's UID by now", async () => {
    const guest = await startLease(machine);
    // Like an administrator who only checks /etc/passwd.
    await machine.sh(
      `useradd --uid ${guest.uid} --non-unique --no-create-home squatter; echo hers >/var/tmp/hers; chown squatter /var/tmp/hers`,
    );
    await cutPower(guest.terminal);
    const receipt = await awaitReceipt(machine, guest.id);
    expect(receipt.left).toEqual(expect.arrayContaining([expect.stringContaining("belongs to squatter")]));
    expect(await machine.sh("cat /var/tmp/hers; stat -c %U /var/tmp/hers")).toBe("hers\nsquatter");
    await machine.sh("rm /var/tmp/hers; userdel squatter");
  });

  it("by a power cut has the receipt of a shared account's guest written, and nothing of the account removed", async () => {
    const terminal = await machine.login("guest1");
    const id = await terminal.ask("echo $GUEST_SESSION");
    await machine.sh("echo his >/var/tmp/his; chown guest1 /var/tmp/his");
    await cutPower(terminal);
    expect(await awaitReceipt(machine, id)).toMatchObject({
      cause: "lost-power",
      user: "guest1",
      leased: false,
      left: [],
    });
    expect(await machine.sh("cat /var/tmp/his; rm /var/tmp/his")).toBe("his");
  });

  it.each([
    { what: "cut off", spoil: (file: string) => `truncate -s 100 ${file}` },
    { what: "empty", spoil: (file: string) => `truncate -s 0 ${file}` },
    { what: "gone", spoil: (file: string) => `rm ${file}` },
  ])("ends a session safely whose record is $what", async ({ spoil }) => {
    const guest = await startLease(machine);
    await guest.terminal.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    await machine.sh(
      `systemctl stop guestd; ${spoil(`/run/guestd/sessions/${guest.id}.json`)}; touch /var/tmp/his; chown ${guest.uid} /var/tmp/his; guestctl status`,
    );
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ cause: "record-lost", left: [] });
    await guest.terminal.end();
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    expect(await findOwned(machine, guest.uid)).toBe("");
    await awaitNoSessions(machine);
    expect(await stateOf(machine, guest.uid)).toBe("rested");
  });

  it("starts with an unreadable session, reports it, and quarantines its UID", async () => {
    await machine.write("/etc/guestd/guestd.conf.d/two.conf", "[Guests]\nLeaseRange=61100-61101\n");
    await machine.sh("guestctl reload");
    const guest = await startLease(machine);
    const before = (await machine.journal("GUEST_ACTION=record-rejected")).length;
    await machine.sh(
      `systemctl stop guestd; for d in /run/guestd/sessions ${LEDGER}; do echo '}{' >$d/${guest.id}.json; done; guestctl status`,
    );
    expect(
      (await machine.journal("GUEST_ACTION=record-rejected")).slice(before).map((entry) => entry["MESSAGE"]),
    ).toEqual([
      expect.stringContaining(`/run/guestd/sessions/${guest.id}.json`),
      expect.stringContaining(`${LEDGER}/${guest.id}.json`),
    ]);
    expect(await stateOf(machine, guest.uid)).toBe("quarantined");
    const other = await startLease(machine);
    expect(other.uid).not.toBe(guest.uid);
    await endLease(machine, other);
    // The guest is still in: an unreadable record proves nothing.
    expect(await guest.terminal.ask("id -u")).toBe(String(guest.uid));
    await guest.terminal.logOut();
    await machine.sh(
      `${endUser(guest.uid)}; rm /etc/guestd/guestd.conf.d/two.conf /run/guestd/sessions/*.rejected; systemctl restart guestd`,
    );
    // Nothing can be searched without the guest's name.
    expect(await stateOf(machine, guest.uid)).toBe("quarantined");
    expect(await machine.sh(`guestctl lease release ${guest.uid}`)).toContain("Released");
  });

  it("leaves no unexpected line in the journal", async () => {
    const expected = [
      /belongs to squatter/,
      /left runtime: \/media\/guest-/,
      /^Set aside the record/,
      /is not quarantined/,
      /^Failed at sweep-uid of .*(belongs to guest-|no account of a guest)/,
    ];
    expect(await unexpectedLines(machine, ...expected)).toEqual([]);
  });
});
