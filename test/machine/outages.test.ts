// Something that guestd needs fails. The guest is in, or refused with a sentence, never half in. The end still comes,
// and nothing is left. test/bounds checks how long logins take.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, findPids, listSessions } from "../helpers/guests.ts";
import { awaitState, stateOf } from "../helpers/leases.ts";
import type { Machine } from "../helpers/machine.ts";
import {
  bootToFill,
  empty,
  END_LIMIT_MS,
  endOutage,
  fill,
  JOURNAL_UNSEEN,
  startGuest,
  STATE,
  WAYS,
} from "../helpers/outage.ts";
import { answers, expectOneReceipt } from "../helpers/recovery.ts";
import { waitFor } from "../helpers/wait.ts";
import { INSTANT_PARTS, walk } from "../helpers/walk.ts";

/** pam_systemd waits 25 s for a logind that has lost the bus. */
const LOGIND_LIMIT_MS = 60_000;
/** logind does not reconnect to the bus by itself. Allows more restarts than usual. */
const RESTART_BUS =
  "systemctl reset-failed dbus.service dbus.socket systemd-logind || true; systemctl restart dbus; systemctl restart systemd-logind";

describeMachine("outages", (release) => {
  let machine: Machine;
  let host: string;

  beforeAll(async () => {
    machine = await bootToFill(release);
    host = await machine.sh("readlink /proc/1/ns/mnt");
  });
  afterEach(async ({ task }) => {
    await endOutage(machine, task.result?.state === "fail");
  });
  afterAll(async () => {
    await machine.stop();
  });

  describe.each(WAYS)("a %s account", (way) => {
    it("is opened and ended while the journal is stopped, and its receipt shows the end", async () => {
      await machine.sh(
        "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald systemd-journald-audit.socket 2>/dev/null || true",
      );
      const { guest, id } = await startGuest(machine, way);
      await guest.logOut();
      await awaitNoSessions(machine);
      // A leased account's journal files cannot be searched.
      const left = way === "leased" ? [JOURNAL_UNSEEN] : [];
      const kept = JSON.parse(await machine.sh("guestctl receipts --json")) as { readonly id: string }[];
      expect(kept.filter((one) => one.id === id)).toMatchObject([{ clean: way === "shared", left }]);
      await machine.sh("systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald");
    });

    it("stays open across a restart of logind, and ends normally", async () => {
      const { guest, id } = await startGuest(machine, way);
      await machine.sh("systemctl restart systemd-logind");
      expect(await guest.ask("echo here")).toBe("here");
      await guest.logOut();
      expect(await expectOneReceipt(machine, id, END_LIMIT_MS)).toMatchObject({ left: [] });
    });

    it("is ended while logind hangs, and the receipt names what that has left", async () => {
      const { guest, id, leader } = await startGuest(machine, way);
      await machine.sh(`systemctl kill -s STOP systemd-logind; kill -KILL ${leader}`);
      await guest.end();
      const receipt = await awaitReceipt(machine, id, END_LIMIT_MS);
      expect(await findPids(machine, "sleep 4711")).toEqual([]);
      if (way === "shared") expect(receipt.left).toEqual([]);
      else expect(receipt.left.join()).toMatch(/terminate-user/);
      await machine.sh("systemctl kill -s CONT systemd-logind");
    });

    it("is ended while /run is full, and nothing is left when it is not full any more", async () => {
      const { guest, id } = await startGuest(machine, way);
      await fill(machine, "/run");
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

    it("is ended while its receipt cannot be stored: it is in the journal, and a UID that left something stays quarantined", async () => {
      const { guest, id, leader } = await startGuest(machine, way);
      const user = await guest.ask("id -un");
      await fill(machine, STATE);
      if (way === "leased") await machine.sh(`mkdir /media/${user}; touch /media/${user}/of-root`);
      await machine.sh(`kill -KILL ${leader}`);
      await guest.end();
      const receipt = await awaitReceipt(machine, id, END_LIMIT_MS);
      expect(await findPids(machine, "sleep 4711")).toEqual([]);
      expect(receipt.left[0]).toMatch(/^write-receipt: ENOSPC/);
      if (way === "shared") return;
      expect(receipt.left.slice(1)).toEqual([expect.stringContaining(`/media/${user}`)]);
      // The session keeps the UID until that can be saved.
      expect(await stateOf(machine, receipt.uid)).toBe("leased");
      await machine.sh("systemctl restart guestd");
      expect(await stateOf(machine, receipt.uid)).toBe("leased");
      await machine.sh(empty(STATE));
      await awaitState(machine, receipt.uid, "quarantined", END_LIMIT_MS);
      await machine.sh(`rm -r /media/${user}`);
    });

    it("is ended once, though the bus is restarted at its end", async () => {
      const { guest, id, leader } = await startGuest(machine, way);
      // Not a logout: login waits for logind.
      await machine.sh(`kill -KILL ${leader}; ${RESTART_BUS}`);
      await guest.end();
      await waitFor("guestd to be back", () => answers(machine), END_LIMIT_MS);
      await expectOneReceipt(machine, id, END_LIMIT_MS);
    });
  });

  describe.each(["by ssh", "by su"])("a session %s", (way) => {
    it.each(walk([0, 40, 80, 120, 160, 200], INSTANT_PARTS))(
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
});
