// What guestd needs is away for a while, in the middle of an opening or of an end: the guest is in, or refused with a
// sentence, never half in; the end comes all the same; and then nothing is left.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, findPids, leftovers, listSessions } from "../helpers/guests.ts";
import { awaitState, stateOf } from "../helpers/leases.ts";
import { Machine, PASSWORD } from "../helpers/machine.ts";
import { answers, expectOneReceipt, listRecords } from "../helpers/recovery.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor } from "../helpers/wait.ts";

/** The contract's bound for a login, whatever is away. */
const LOGIN_LIMIT_MS = 10_000;
/** Of a session's end that has to wait for others, each of them for a bounded time. */
const END_LIMIT_MS = 30_000;
const SENTENCE = /Guest sessions are not available at the moment|could not be made ready/;

const WAYS = ["leased", "shared"] as const;
type Way = (typeof WAYS)[number];

/** A login waits so long for a logind that has lost the bus: pam_systemd's own 25 s, and some. */
const LOGIND_LIMIT_MS = 60_000;
/** logind does not come back to the bus by itself: each login would wait for it. Neither is started as often as here. */
const RESTART_BUS =
  "systemctl reset-failed dbus.service dbus.socket systemd-logind || true; systemctl restart dbus; systemctl restart systemd-logind";

/** Where guestd writes. Each is a file system of its own here. */
const STATE = "/var/lib/guestd";
const PLACES = ["/run", STATE] as const;
const empty = (place: string) => `rm -f ${place}/ballast; mount -o remount,size=1G ${place}`;

const STAYER = "(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)";

describeMachine("outages", (release) => {
  let machine: Machine;
  let host: string;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh(
      `cp -a ${STATE} /root/state; mount -t tmpfs -o mode=700 tmpfs ${STATE}; cp -aT /root/state ${STATE}`,
    );
    host = await machine.sh("guestctl status >/dev/null; readlink /proc/1/ns/mnt");
  });
  afterEach(async ({ task }) => {
    await machine.sh(
      `systemctl kill -s CONT systemd-journald systemd-logind 2>/dev/null; ${PLACES.map(empty).join("; ")}; systemctl start systemd-journald.socket systemd-journald`,
    );
    await waitFor("guestd to answer", () => answers(machine), END_LIMIT_MS);
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine, END_LIMIT_MS);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    await machine.sh("systemctl restart guestd; guestctl status");
    // What was kept back, because something could not be looked at, is looked at again.
    await waitFor("no uid to be kept back", async () => (await listRecords(machine)) === "", END_LIMIT_MS).catch(
      () => undefined,
    );
    expect(await listRecords(machine)).toBe("");
    await waitFor("nothing to be left", async () => (await leftovers(machine)) === "", END_LIMIT_MS).catch(
      () => undefined,
    );
    expect(await leftovers(machine)).toBe("");
    // A guest after it finds all as ever.
    expect(await machine.ssh("guest1", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function start(way: Way): Promise<{ guest: Terminal; id: string; leader: number }> {
    const guest = await logIn(way);
    const id = await guest.ask(`echo $GUEST_SESSION; ${STAYER}`);
    return { guest, id, leader: (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0 };
  }

  const logIn = (way: Way) => (way === "leased" ? machine.loginAsGhost() : machine.login("guest1"));

  describe.each(WAYS)("a %s account", (way) => {
    it("is opened and ended while the journal is stopped, and the end is known by its receipt", async () => {
      await machine.sh(
        "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald systemd-journald-audit.socket 2>/dev/null || true",
      );
      const { guest, id } = await start(way);
      await guest.logOut();
      await awaitNoSessions(machine);
      const kept = JSON.parse(await machine.sh("guestctl receipts --json")) as {
        readonly id: string;
        readonly clean: boolean;
      }[];
      expect(kept.filter((one) => one.id === id)).toMatchObject([{ clean: true }]);
      await machine.sh("systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald");
    });

    it("is opened and ended while the journal hangs, and is in it once when that goes on", async () => {
      await machine.sh("systemctl kill -s STOP systemd-journald");
      const begin = performance.now();
      const { guest, id } = await start(way);
      expect(performance.now() - begin).toBeLessThan(LOGIN_LIMIT_MS);
      await guest.logOut();
      await awaitNoSessions(machine);
      await machine.sh("systemctl kill -s CONT systemd-journald");
      expect(await expectOneReceipt(machine, id)).toMatchObject({ cause: "logout", left: [] });
    });

    it("stays open over a restart of logind, and ends as ever", async () => {
      const { guest, id } = await start(way);
      await machine.sh("systemctl restart systemd-logind");
      expect(await guest.ask("echo here")).toBe("here");
      await guest.logOut();
      expect(await expectOneReceipt(machine, id, END_LIMIT_MS)).toMatchObject({ left: [] });
    });

    it("is in or refused in bounded time while logind hangs, and ended when it goes on", async () => {
      await machine.sh("systemctl kill -s STOP systemd-logind");
      const terminal = machine.terminal(["login"]);
      await terminal.expect(/login: /);
      terminal.send(way === "leased" ? "guest\n" : "guest1\n");
      if (way === "shared") {
        await terminal.expect(/Password: /);
        terminal.send(`${PASSWORD}\n`);
      }
      // guestd answers, whether login then waits for logind or not.
      await waitFor(
        "guestd's answer",
        async () =>
          SENTENCE.test(terminal.transcript) || (await listSessions(machine)).some(({ state }) => state === "open"),
        LOGIN_LIMIT_MS,
      );
      terminal.hangUp();
      for (const { leader } of await listSessions(machine)) await machine.run(["kill", "-KILL", String(leader)]);
      await machine.sh("systemctl kill -s CONT systemd-logind");
    });

    it("is ended while logind hangs, and says what that kept from being taken away", async () => {
      const { guest, id, leader } = await start(way);
      await machine.sh(`systemctl kill -s STOP systemd-logind; kill -KILL ${leader}`);
      await guest.end();
      const receipt = await awaitReceipt(machine, id, END_LIMIT_MS);
      expect(await findPids(machine, "sleep 4711")).toEqual([]);
      if (way === "shared") expect(receipt.left).toEqual([]);
      else expect(receipt.left.join()).toMatch(/close-login/);
      await machine.sh("systemctl kill -s CONT systemd-logind");
    });

    it.each(PLACES)("is refused with a sentence while %s is full, and others log in", async (place) => {
      // Before: systemd needs room for the scope that the terminal is in.
      const terminal = machine.terminal(["login"]);
      await terminal.expect(/login: /);
      await fill(place);
      terminal.send(way === "leased" ? "guest\n" : "guest1\n");
      if (way === "shared") {
        await terminal.expect(/Password: /);
        terminal.send(`${PASSWORD}\n`);
      }
      await terminal.expect(SENTENCE, LOGIN_LIMIT_MS);
      terminal.hangUp();
      expect(terminal.transcript).not.toMatch(/[$#] $/);
      expect(await machine.sh("su - alice -c 'id -un'")).toBe("alice");
    });

    it("is ended while /run is full, and nothing is left when it is not any more", async () => {
      const { guest, id } = await start(way);
      await fill("/run");
      const leader = (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0;
      await machine.sh(`kill -KILL ${leader}`);
      await guest.end();
      await awaitNoSessions(machine, END_LIMIT_MS);
      expect(await findPids(machine, "sleep 4711")).toEqual([]);
      await machine.sh(empty("/run"));
      expect(
        (JSON.parse(await machine.sh("guestctl receipts --json")) as { id: string }[]).filter((one) => one.id === id),
      ).toHaveLength(1);
    });

    it("is ended while its receipt cannot be kept: the journal has it, and a uid is not forgotten of which something is left", async () => {
      const { guest, id, leader } = await start(way);
      const user = await guest.ask("id -un");
      await fill(STATE);
      if (way === "leased") await machine.sh(`mkdir /media/${user}; touch /media/${user}/of-root`);
      await machine.sh(`kill -KILL ${leader}`);
      await guest.end();
      const receipt = await awaitReceipt(machine, id, END_LIMIT_MS);
      expect(await findPids(machine, "sleep 4711")).toEqual([]);
      expect(receipt.left[0]).toMatch(/^write-receipt: ENOSPC/);
      if (way === "shared") return;
      expect(receipt.left.slice(1)).toEqual([expect.stringContaining(`/media/${user}`)]);
      // Kept by its session, until that can be written down.
      expect(await stateOf(machine, receipt.uid)).toBe("leased");
      await machine.sh("systemctl restart guestd");
      expect(await stateOf(machine, receipt.uid)).toBe("leased");
      await machine.sh(empty(STATE));
      await awaitState(machine, receipt.uid, "quarantined", END_LIMIT_MS);
      await machine.sh(`rm -r /media/${user}`);
    });

    it("is ended once, though the bus is restarted at its end", async () => {
      const { guest, id, leader } = await start(way);
      // Not a logout: login waits for logind, which has lost the bus as well.
      await machine.sh(`kill -KILL ${leader}; ${RESTART_BUS}`);
      await guest.end();
      await waitFor("guestd to be back", () => answers(machine), END_LIMIT_MS);
      await expectOneReceipt(machine, id, END_LIMIT_MS);
    });
  });

  describe.each(["by ssh", "by su"])("a session %s", (way) => {
    it.each([0, 40, 80, 120, 160, 200])(
      "is opened, or refused, while the bus is restarted %i ms after its start",
      { timeout: 2 * LOGIND_LIMIT_MS },
      async (after) => {
        const login = `${way === "by ssh" ? "ssh guest2@localhost" : "su - guest1 -c"} 'readlink /proc/self/ns/mnt' >/tmp/out 2>/tmp/err`;
        await machine.sh(
          `(code=0; ${login} || code=$?; echo $code >/tmp/code) & sleep ${after / 1000}; ${RESTART_BUS}; wait`,
          { timeoutMs: LOGIND_LIMIT_MS },
        );
        const [code, out] = [await machine.sh("cat /tmp/code"), await machine.sh("cat /tmp/out")];
        expect(out).not.toContain(host);
        if (code === "0") expect(out).toMatch(/^mnt:/);
        else expect(out).not.toContain("mnt:");
      },
    );
  });

  /** Not one block is free there any more, not even for root. */
  async function fill(place: string): Promise<void> {
    await machine.sh(
      `mount -o remount,size=$(($(df --output=used -k ${place} | tail -1) + 64))k ${place}; cat /dev/zero >${place}/ballast 2>/dev/null || true`,
    );
    expect((await machine.sh(`df --output=avail ${place} | tail -1`)).trim()).toBe("0");
  }
});
