// A receipt is true: what it says was found was there, whoever ended it, and where it says that nothing is left, nothing is.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { endLease, foundIn, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

/** A guest starts so many, one of these ways. */
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
    expect(await unexpectedLines(machine)).toEqual([]);
    await machine.stop();
  });

  describe.each(["no", "yes"])("where logind ends what users leave behind: %s", (kill) => {
    beforeAll(async () => {
      await machine.write("/etc/systemd/logind.conf.d/test.conf", `[Login]\nKillUserProcesses=${kill}\n`);
      await machine.sh("systemctl restart systemd-logind");
    });

    it.each(Object.entries(STARTING))("counts %s as found, whoever ends them", async (_, line) => {
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

      // The journal, guestctl and its JSON say the same.
      const [entry] = await machine.journal(`GUEST_SESSION=${guest.id}`, "GUEST_ACTION=kill-processes");
      expect(entry?.["MESSAGE"]).toContain(` ${found} processes `);
      const kept = JSON.parse(await machine.sh(`guestctl receipt ${guest.id} --json`)) as typeof receipt;
      expect(foundIn(kept.swept)["processes"]).toEqual([found, found, 0]);
      expect(kept).toMatchObject({ killed: found });
    });
  });
});
