// guestd itself is hardened without a mount namespace, and restarts without a guest noticing.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, findPids, leftovers, listSessions } from "../helpers/guests.ts";
import { traceCalls } from "../helpers/fault.ts";
import { endLease, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import {
  answers,
  awaitReturn,
  awaitStored,
  expectOneReceipt,
  killAt,
  listRecords,
  mainPid,
} from "../helpers/recovery.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { readProjectFile } from "../helpers/tree.ts";
import { waitFor } from "../helpers/wait.ts";
import { INSTANT_PARTS, walk } from "../helpers/walk.ts";

/** States systemd-analyze's score, from 0 (best) to 10, and why it is not lower. */
const UNIT = readProjectFile("systemd/guestd.service");

/**
 * Moments inside the stages of an end, as strace counts system calls per thread. rename(2) replaces a record,
 * unlinkat(2) empties the home, and fsync(2) writes a receipt. pwrite(2) saves that a UID rests. Each sendmsg(2) tells
 * the journal of a stage, or systemd of a descriptor. unlink(2) removes the unlock mark and the account, then the
 * ledger entry, then the record. faults.test.ts has moments before and after each stage.
 */
const SHARED_END = [
  "sendmsg:when=5",
  "sendmsg:when=7",
  "sendmsg:when=13",
  "setns:when=1",
  "unlinkat:when=2",
  "pidfd_send_signal:when=1",
  "pidfd_send_signal:when=2",
  "rename:when=1",
  "fsync:when=1",
  "unlink:when=1",
  "unlink:when=2",
  "rmdir:when=1",
  "unlink:when=3",
];
const LEASED_END = [
  "sendmsg:when=1",
  "sendmsg:when=8",
  "sendmsg:when=12",
  "sendmsg:when=15",
  "setns:when=1",
  "unlinkat:when=2",
  "pidfd_send_signal:when=1",
  "rename:when=1",
  "fsync:when=1",
  "pwrite64:when=1",
  ...[1, 2, 3, 4, 5].map((call) => `unlink:when=${call}`),
];

describeMachine("guestd", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("guestctl status");
  });
  afterEach(async ({ task }) => {
    // Cleans up after a failed test.
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("runs in the host's mount namespace, and is hardened as far as that allows", async () => {
    expect(await machine.sh(`readlink /proc/${await mainPid(machine)}/ns/mnt`)).toBe(
      await machine.sh("readlink /proc/1/ns/mnt"),
    );
    const report = await machine.sh("systemd-analyze security --no-pager guestd.service");
    const [, score] = /exposure level for guestd.service: ([\d.]+)/.exec(report) ?? [];
    const [, said] = /"systemd-analyze security guestd.service" says ([\d.]+), on Debian 12 and 13\./.exec(UNIT) ?? [];
    expect(Number(score)).toBeGreaterThan(0);
    expect(score).toBe(said);
    const open = [...report.matchAll(/^✗ (\w+=)/gm)].map(([, setting = ""]) => setting);
    expect(open.length).toBeGreaterThan(0);
    expect(open.filter((setting) => !UNIT.includes(setting))).toEqual([]);
  });

  it("walks at idle priority, which its system call filter allows", async () => {
    // Only the walk looks in directories that a guest could not write.
    await machine.sh("mkdir -m 700 /var/tmp/theirs && chown 1000:1000 /var/tmp/theirs");
    const guest = await startLease(machine);
    const { said, stop } = await traceCalls(machine, "sched_setscheduler,ioprio_set");
    await endLease(machine, guest)
      .then(() => waitFor("the walk", () => said().includes("ioprio_set(")))
      .finally(stop);
    expect(said()).toMatch(/sched_setscheduler\(0, SCHED_IDLE, .*\) = 0$/m);
    expect(said()).toMatch(/ioprio_set\(IOPRIO_WHO_PROCESS, 0, .*\) = 0$/m);
    await machine.sh("rmdir /var/tmp/theirs");
  });

  it("has units in which systemd accepts every line", async () => {
    // man(1), which finds their pages, is missing.
    for (const unit of ["guestd.service", "guestd-boot.service"]) {
      expect(
        await machine.sh(
          `systemd-analyze verify ${unit} 2>&1 | grep guestd | grep -v "Command 'man .*' failed" || true`,
        ),
      ).toBe("");
    }
  });

  it("opens no inspector on SIGUSR1", async () => {
    await machine.sh(`kill -USR1 ${await mainPid(machine)}; guestctl status`);
    expect(await machine.sh("ss -Htln | grep -c 9229 || true")).toBe("0");
  });

  it.each(["kill -s KILL guestd", "restart guestd", "stop guestd"])(
    "keeps its sessions across: systemctl %s",
    async (command) => {
      const guests = await Promise.all([
        ...["guest1", "guest1", "guest2"].map((user) => machine.login(user)),
        machine.loginAsGhost(),
        machine.loginAsGhost(),
      ]);
      await Promise.all(guests.map((guest) => guest.ask("echo mine >~/mine")));
      const inOrder = async () => (await listSessions(machine)).sort((a, b) => a.id.localeCompare(b.id));
      const before = await inOrder();
      const pid = await mainPid(machine);
      await machine.sh(`systemctl ${command}`);
      await awaitReturn(machine, pid);
      expect(await inOrder()).toEqual(before);
      expect(await Promise.all(guests.map((guest) => guest.ask("cat ~/mine")))).toEqual(guests.map(() => "mine"));

      const ids = await Promise.all(
        guests.map((guest) => guest.ask("echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)")),
      );
      // One of each kind is ended. The others continue, and log out.
      for (const one of [1, 3])
        expect(JSON.parse(await machine.sh(`guestctl end ${ids[one] ?? ""} --json`))).toMatchObject({ clean: true });
      expect(await guests[2]?.ask("cat ~/mine")).toBe("mine");
      for (const one of [0, 2, 4]) await guests[one]?.logOut();
      for (const id of ids) expect((await expectOneReceipt(machine, id)).left).toEqual([]);
      expect(await findPids(machine, "sleep 4711")).toEqual([]);
    },
  );

  it.each(walk(SHARED_END, INSTANT_PARTS))(
    "ends a session once, though it is killed at %s of the end",
    async (instant) => {
      const guest = await machine.login("guest1");
      const id = await guest.ask("echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
      await endKilledAt(instant, guest);
      expect(await expectOneReceipt(machine, id)).toMatchObject({ leased: false, left: [] });
    },
  );

  it.each(walk(LEASED_END, INSTANT_PARTS))(
    "ends a leased account's session once, though it is killed at %s of the end, and the account is free again",
    async (instant) => {
      await machine.write("/etc/guestd/guestd.conf.d/one.conf", "[Guests]\nLeaseRange=61121-61121\n");
      await machine.sh("guestctl reload");
      const guest = await machine.loginAsGhost();
      const id = await guest.ask(
        "echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &); systemd-run --user --quiet sleep 4711",
      );
      // Processes outside the user's cgroups are killed separately.
      await machine.sh("systemd-run --quiet --collect --uid=61121 sleep 4711");
      await endKilledAt(instant, guest);
      expect(await expectOneReceipt(machine, id)).toMatchObject({ leased: true, left: [] });
      const next = await machine.loginAsGhost();
      expect(await next.ask("id -u")).toBe("61121");
      await next.logOut();
      await awaitNoSessions(machine);
      await machine.sh("rm /etc/guestd/guestd.conf.d/one.conf; guestctl reload");
    },
  );

  /** Only evidence of the end may be left. */
  async function endKilledAt(instant: string, guest: Terminal): Promise<void> {
    await killAt(machine, instant, () => guest.logOut());
    await awaitNoSessions(machine);
    expect(await leftovers(machine)).toBe("");
    expect(await listRecords(machine)).toBe("");
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    await awaitStored(machine, 0);
  }

  it("sets unreadable records aside, reports them, and starts", async () => {
    const directories = ["/run/guestd/sessions", "/var/lib/guestd/open"];
    const before = (await machine.journal("GUEST_ACTION=record-rejected")).length;
    await machine.sh(`systemctl stop guestd
      for d in ${directories.join(" ")}; do mkdir -p $d; echo '}{' >$d/abc.json; head -c 3000000 /dev/zero | tr '\\0' x >$d/def.json; echo half >$d/ghi.json.new; done`);
    expect(await machine.sh("guestctl status")).toContain("sessions: 0");
    expect(await machine.sh("cd /run/guestd/sessions; ls; rm *")).toBe("abc.json.rejected\ndef.json.rejected");
    expect(await machine.sh("cd /var/lib/guestd; ls open rejected; rm rejected/*")).toBe(
      "open:\n\nrejected:\nabc.json\ndef.json",
    );
    expect(await machine.journal("GUEST_ACTION=record-rejected")).toHaveLength(before + 4);
  });

  it("ends a session with an unreadable record by its ledger entry", async () => {
    const guests = [await machine.login("guest1"), await machine.loginAsGhost()];
    const ids = await Promise.all(
      guests.map((guest) => guest.ask("echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)")),
    );
    await machine.sh(
      `systemctl stop guestd; for id in ${ids.join(" ")}; do echo '}{' >/run/guestd/sessions/$id.json; done; guestctl status`,
    );
    for (const id of ids) expect(await expectOneReceipt(machine, id)).toMatchObject({ cause: "record-lost", left: [] });
    for (const guest of guests) await guest.end();
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    expect(await leftovers(machine)).toBe("");
    expect(await listRecords(machine)).toBe("");
  });

  it("returns with its sessions when the bus was restarted", async () => {
    const guest = await machine.login("guest2");
    const [session] = await listSessions(machine);
    await machine.sh("systemctl restart dbus.service");
    await waitFor("guestd to be back", () => answers(machine), 30_000);
    expect((await listSessions(machine)).map(({ id }) => id)).toEqual([session?.id]);
    // Not a logout: login waits for logind, which has lost the bus, too.
    await machine.sh(`kill -KILL ${session?.leader ?? 0}`);
    await guest.end();
    expect((await awaitReceipt(machine, session?.id ?? "")).left).toEqual([]);
  });
});
