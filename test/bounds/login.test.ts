// A login ends in time, whatever guestd waits for: the guest is in, or refused with a sentence.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, listSessions } from "../helpers/guests.ts";
import { PASSWORD, type Machine } from "../helpers/machine.ts";
import { bootToFill, endOutage, fill, DIRECTORIES, JOURNAL_UNSEEN, startGuest, WAYS } from "../helpers/outage.ts";
import { expectOneReceipt } from "../helpers/recovery.ts";
import { waitFor } from "../helpers/wait.ts";

/** From the contract. */
const LOGIN_LIMIT_MS = 10_000;
const SENTENCE = /Guest sessions are not available at the moment|could not be started/;

describeMachine("a login in bounded time", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await bootToFill(release);
  });
  afterEach(async ({ task }) => {
    await endOutage(machine, task.result?.state === "fail");
  });
  afterAll(async () => {
    await machine.stop();
  });

  describe.each(WAYS)("to a %s account", (way) => {
    it("opens and ends while the journal hangs, and is logged once when that continues", async () => {
      await machine.sh("systemctl kill -s STOP systemd-journald");
      const begin = performance.now();
      const { guest, id } = await startGuest(machine, way);
      expect(performance.now() - begin).toBeLessThan(LOGIN_LIMIT_MS);
      await guest.logOut();
      await awaitNoSessions(machine);
      await machine.sh("systemctl kill -s CONT systemd-journald");
      const left = way === "leased" ? [JOURNAL_UNSEEN] : [];
      expect(await expectOneReceipt(machine, id)).toMatchObject({ cause: "logout", left });
    });

    it("succeeds or is refused in bounded time while logind hangs, and ends when that continues", async () => {
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

    it.each(DIRECTORIES)("is refused with a sentence while %s is full, and other users log in", async (directory) => {
      // Started first: systemd needs room for the terminal's scope.
      const terminal = machine.terminal(["login"]);
      await terminal.expect(/login: /);
      await fill(machine, directory);
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
  });
});
