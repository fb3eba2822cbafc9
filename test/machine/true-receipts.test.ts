// Receipts count what was there, whatever ended it, and nothing is left where they say so.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { awaitState, endLease, findOwned, foundIn, startLease, stateOf } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

/** A guest starts this many, in one of these ways. */
const COUNT = 10;
const STARTING = {
  "services of the user manager": "systemd-run --quiet --user sleep 4711",
  "programs that he leaves behind": "(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)",
} as const;

describeMachine("a receipt", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async () => {
    for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    expect(await unexpectedLines(machine, /may still be writing a dump/)).toEqual([]);
    await machine.stop();
  });

  describe.each(["no", "yes"])("where logind ends what users leave behind: %s", (kill) => {
    beforeAll(async () => {
      await machine.write("/etc/systemd/logind.conf.d/test.conf", `[Login]\nKillUserProcesses=${kill}\n`);
      await machine.sh("systemctl restart systemd-logind");
    });

    it.each(Object.entries(STARTING))("counts %s as found, whatever ends them", async (_, line) => {
      const guest = await startLease(machine);
      await guest.terminal.ask(`for one in $(seq ${COUNT}); do ${line}; done`);
      const running = () => machine.run(["pgrep", "-fc", "-U", String(guest.uid), "sleep 4711$"]);
      await waitFor("all of them", async () => Number((await running()).stdout) === COUNT);
      const receipt = await endLease(machine, guest);
      expect(receipt.left).toEqual([]);
      const [found = 0, removed] = foundIn(receipt.swept)["processes"] ?? [];
      expect(found).toBeGreaterThanOrEqual(COUNT);
      expect(removed).toBe(found);
      expect(receipt.processesKilled).toBe(found);

      // The journal, guestctl and its JSON agree.
      const [entry] = await machine.journal(`GUEST_SESSION=${guest.id}`, "GUEST_ACTION=kill-processes");
      expect(entry?.["MESSAGE"]).toContain(` ${found} processes `);
      const kept = JSON.parse(await machine.sh(`guestctl receipt ${guest.id} --json`)) as typeof receipt;
      expect(foundIn(kept.swept)["processes"]).toEqual([found, found, 0]);
      expect(kept).toMatchObject({ killed: found });
    });
  });

  describe("while systemd-coredump still writes the dump of a process that is gone", () => {
    const DUMP = "/var/lib/systemd/coredump/core.sh.UID.0123456789abcdef0123456789abcdef.42.1700000000000000.zst";

    /** Stands in for systemd-coredump. Writes the dump on demand. */
    async function startWriter(uid: number): Promise<void> {
      await machine.sh(`install -D /bin/bash /usr/lib/systemd/systemd-coredump; mkdir -p /var/lib/systemd/coredump; rm -f /run/go-on
        systemd-run --quiet --collect --unit=systemd-coredump@1-42-0 /usr/lib/systemd/systemd-coredump -c \
          'until [ -e /run/go-on ]; do read -t 0.1 <> <(:) || true; done; echo core >${DUMP.replace("UID", String(uid))}'`);
      await waitFor("the writer", () => machine.sh("pgrep -x systemd-coredum"));
    }

    it("waits, and removes it", async () => {
      const guest = await startLease(machine);
      await startWriter(guest.uid);
      await guest.terminal.logOut();
      await waitFor("the sweep", async () => {
        const done = await machine.journal(`GUEST_SESSION=${guest.id}`, "GUEST_ACTION=withdraw-account");
        return done.length > 0;
      });
      await machine.sh("touch /run/go-on");
      const receipt = (await awaitReceipt(machine, guest.id)) as Awaited<ReturnType<typeof endLease>>;
      expect(receipt.left).toEqual([]);
      expect(foundIn(receipt.swept)["coredumps"]).toEqual([1, 1, 0]);
      expect(await findOwned(machine, guest.uid)).toBe("");
    });

    it("names it when that takes too long, and removes the dump later", async () => {
      const guest = await startLease(machine);
      await startWriter(guest.uid);
      const receipt = await endLease(machine, guest);
      expect(receipt.left).toEqual([
        expect.stringMatching(/^coredumps: process \d+ \(systemd-coredum\) may still be writing a dump$/),
      ]);
      await awaitState(machine, guest.uid, "quarantined");
      await machine.sh("touch /run/go-on");
      await waitUntil(
        "its uid to be released",
        () => stateOf(machine, guest.uid),
        (seen) => seen !== "quarantined",
        30_000,
      );
      expect(await machine.sh("ls /var/lib/systemd/coredump")).toBe("");
    });
  });

  describe("of a guest who has logged something", () => {
    const JOURNALS = "/var/log/journal/*/user-UID*";
    const logsOf = (uid: number) => machine.sh(`ls ${JOURNALS.replace("UID", String(uid))} 2>/dev/null || true`);

    beforeAll(async () => {
      await machine.sh(
        "sed -i s/volatile/persistent/ /etc/systemd/journald.conf.d/test.conf; systemctl restart systemd-journald; journalctl --flush",
      );
    });

    it("archives that for administrators only, and journald continues", async () => {
      const guest = await startLease(machine);
      await guest.terminal.ask("logger secret-of-the-guest; journalctl --user --sync 2>/dev/null; true");
      await machine.sh("journalctl --sync");
      expect(await logsOf(guest.uid)).toMatch(/user-\d+\.journal$/);
      const receipt = await endLease(machine, guest);
      expect(receipt.left).toEqual([]);
      expect(foundIn(receipt.swept)["journal"]).toEqual([1, 1, 0]);
      const path = await logsOf(guest.uid);
      expect(path).toMatch(/\/user-\d+@[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{16}\.journal$/);
      // Measured before reading, which fills holes in files in memory.
      expect(Number(await machine.sh(`stat -c '%b' ${path}`)) * 512).toBeLessThan(1_000_000);
      // journalctl still shows it to an administrator, but not to the next guest with the UID.
      expect(await machine.sh(`journalctl -q -o cat _UID=${guest.uid}`)).toContain("secret-of-the-guest");
      expect(await machine.sh(`journalctl --verify --file=${path} 2>&1`)).toContain("PASS");
      const read = ["setpriv", `--reuid=${guest.uid}`, "--regid=guests", "--clear-groups", "cat", path];
      expect((await machine.run(read)).stderr).toContain("Permission denied");
      // The UID returns while journald has the old file open, and across a rotation.
      await machine.run(["setpriv", `--reuid=${guest.uid}`, "--regid=guests", "--clear-groups", "logger", "another"]);
      await machine.sh("journalctl --sync; journalctl --rotate; logger after-it; journalctl --sync");
      expect(await machine.sh("journalctl -q -o cat -n 20")).toContain("after-it");
      expect(await machine.sh(`journalctl -q -o cat _UID=${guest.uid}`)).toContain("another");
      await machine.sh(`rm -f ${JOURNALS.replace("UID", String(guest.uid))}`);
    });
  });
});
