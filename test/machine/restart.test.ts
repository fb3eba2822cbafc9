// guestd itself: hardened without a mount namespace of its own, and gone and back without a guest noticing.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { injectFault } from "../helpers/fault.ts";
import { awaitNoSessions, awaitReceipt, findPids, leftovers, listSessions } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { releases, requireRoot } from "../helpers/root.ts";
import { waitFor } from "../helpers/wait.ts";

/** systemd-analyze's exposure, from 0 (best) to 10; guestd.service says what keeps it from being lower. */
const MOST_EXPOSURE = 4.7;

/**
 * Of the end of a leased account's session: in stages, by their system calls, and after each stage, as the journal is told
 * of it by one sendmsg(2): PAM's hint, then manager, processes, login, view, record, receipt, account.
 */
const LEASED_END = [
  ...Array.from({ length: 8 }, (_, index) => `sendmsg:when=${index + 1}`),
  "pidfd_send_signal:when=1", "rename:when=1", "unlink:when=1", "unlink:when=2", "unlink:when=3",
];

describe.skipIf(!requireRoot("machine tests")).each(releases)("guestd on %s", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("guestctl status");
  });
  afterEach(async () => {
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const mainPid = () => machine.sh("systemctl show -P MainPID guestd");

  it("lives in the host's own mount namespace, and is hardened as far as that allows", async () => {
    expect(await machine.sh(`readlink /proc/${await mainPid()}/ns/mnt`)).toBe(await machine.sh("readlink /proc/1/ns/mnt"));
    expect(await machine.sh("systemd-analyze verify guestd.service 2>&1 | grep guestd | grep -v \"Command 'man\" || true")).toBe("");
    const score = /exposure level for guestd.service: ([\d.]+)/.exec(await machine.sh("systemd-analyze security --no-pager guestd.service"))?.[1];
    expect(Number(score)).toBeGreaterThan(0);
    expect(Number(score)).toBeLessThanOrEqual(MOST_EXPOSURE);
  });

  it("opens no inspector at SIGUSR1", async () => {
    await machine.sh(`kill -USR1 ${await mainPid()}; guestctl status`);
    expect(await machine.sh("ss -Htln | grep -c 9229 || true")).toBe("0");
  });

  it.each(["kill -s KILL guestd", "restart guestd", "stop guestd"])("keeps its sessions over: systemctl %s", async (command) => {
    const guests = await Promise.all(["guest1", "guest1", "guest2"].map((user) => machine.login(user)));
    await Promise.all(guests.map((guest) => guest.ask("echo mine >~/mine")));
    const before = (await listSessions(machine)).map(({ id }) => id).sort();
    const pid = await mainPid();
    await machine.sh(`systemctl ${command}`);
    await waitFor("guestd to be back", async () => (await machine.run(["guestctl", "status"])).code === 0 && (await mainPid()) !== pid);
    expect((await listSessions(machine)).map(({ id }) => id).sort()).toEqual(before);
    expect(await Promise.all(guests.map((guest) => guest.ask("cat ~/mine")))).toEqual(["mine", "mine", "mine"]);

    const [first, second, third] = guests;
    const id = await first?.ask("echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    await first?.logOut();
    expect((await awaitReceipt(machine, id ?? "")).left).toEqual([]);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    const ended = await second?.ask("echo $GUEST_SESSION");
    expect(JSON.parse(await machine.sh(`guestctl end ${ended ?? ""} --json`))).toMatchObject({ clean: true });
    expect(await third?.ask("cat ~/mine")).toBe("mine");
    await third?.logOut();
  });

  it("ends at its start the sessions whose leaders ended while it was away", async () => {
    const guest = await machine.login("guest1");
    const id = await guest.ask("echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    await machine.sh("systemctl stop guestd");
    await guest.logOut();
    // PAM's hint would start guestd by the bus; whether it comes before or after the end, the session is ended.
    await machine.sh("guestctl status");
    expect((await awaitReceipt(machine, id)).left).toEqual([]);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
  });

  it.each(["pidfd_send_signal:when=1", "unlink:when=1", "unlink:when=2"])("ends a session once, though it is killed at %s of the end", async (instant) => {
    const guest = await machine.login("guest1");
    const id = await guest.ask("echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    const before = await mainPid();
    const stop = await injectFault(machine, `${instant}:signal=SIGKILL`);
    await guest.logOut();
    await waitFor("guestd to be back", async () => (await machine.run(["guestctl", "status"])).code === 0 && !["0", before].includes(await mainPid()));
    await stop();
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    expect(await machine.sh("find /run/guestd -path '*/leases' -prune -o -type f -print -o -path '*/unmanaged/*' -print")).toBe("");
    expect((await machine.journal(`GUEST_SESSION=${id}`, "GUEST_ACTION=announce-closed", "_SYSTEMD_UNIT=guestd.service")).length).toBeLessThanOrEqual(1);
  });

  it.each(LEASED_END)("ends a leased account's session once, though it is killed at %s of the end; the account comes back", async (instant) => {
    await machine.write("/etc/guestd/guestd.conf.d/one.conf", "[Guests]\nLeaseRange=61121-61121\n");
    await machine.sh("guestctl reload");
    const guest = await machine.loginAsGhost();
    const id = await guest.ask("echo $GUEST_SESSION; (setsid sleep 4711 >/dev/null 2>&1 </dev/null &); systemd-run --user --quiet sleep 4711");
    // What is in no cgroup of the user has to be killed by itself.
    await machine.sh("systemd-run --quiet --collect --uid=61121 sleep 4711");
    const before = await mainPid();
    const stop = await injectFault(machine, `${instant}:signal=SIGKILL`);
    await guest.logOut();
    await waitFor("guestd to be back", async () => (await machine.run(["guestctl", "status"])).code === 0 && !["0", before].includes(await mainPid()), 15_000);
    await stop();
    await awaitNoSessions(machine);
    expect(await leftovers(machine)).toBe("");
    const receipts = await machine.journal(`GUEST_SESSION=${id}`, "GUEST_ACTION=announce-closed", "_SYSTEMD_UNIT=guestd.service");
    expect(receipts.length).toBeLessThanOrEqual(1);
    for (const entry of receipts) expect(JSON.parse(entry["GUEST_RECEIPT"] ?? "")).toMatchObject({ leased: true, left: [] });
    const next = await machine.loginAsGhost();
    expect(await next.ask("id -u")).toBe("61121");
    await next.logOut();
    await awaitNoSessions(machine);
    await machine.sh("rm /etc/guestd/guestd.conf.d/one.conf; guestctl reload");
  });

  it("sets a record aside that it cannot read, says so, and starts", async () => {
    await machine.sh("systemctl stop guestd; mkdir -p /run/guestd/sessions; echo '}{' >/run/guestd/sessions/abc.json; head -c 300000 /dev/zero | tr '\\0' x >/run/guestd/sessions/def.json");
    expect(await machine.sh("guestctl status")).toContain("sessions: 0");
    expect(await machine.sh("ls /run/guestd/sessions")).toBe("abc.json.rejected\ndef.json.rejected");
    expect(await machine.journal("GUEST_ACTION=record-rejected")).toHaveLength(2);
    await machine.sh("rm /run/guestd/sessions/*");
  });

  it("comes back with its sessions when the bus was restarted", async () => {
    const guest = await machine.login("guest2");
    const [session] = await listSessions(machine);
    await machine.sh("systemctl restart dbus.service");
    await waitFor("guestd to be back", async () => (await machine.run(["guestctl", "status"])).code === 0, 10_000);
    expect((await listSessions(machine)).map(({ id }) => id)).toEqual([session?.id]);
    // Not a logout: a login waits for logind, which has lost the bus as well.
    await machine.sh(`kill -KILL ${session?.leader ?? 0}`);
    await guest.end();
    expect((await awaitReceipt(machine, session?.id ?? "")).left).toEqual([]);
  });
});
