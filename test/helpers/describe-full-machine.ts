// The frame of a test file that leaves the full machine unchanged.
import { afterAll, beforeAll, describe, expect } from "vitest";
import { FullMachine } from "./full-machine.ts";
import { ASK } from "./guests.ts";
import { requireRoot } from "./root.ts";
import { waitFor } from "./wait.ts";

/** Emulation is slow. */
const LIMIT_MS = 300_000;

const LOOK = `${ASK} ListSessions; ${ASK} ListLeases | grep --only-matching quarantined || true
  loginctl list-sessions --no-legend; systemctl --failed --plain --no-legend
  ls /etc/guestd/guestd.conf.d; cat /proc/$(systemctl show -P MainPID guestd)/attr/current`;

export function describeFullMachine(title: string, body: (machine: () => FullMachine) => void): void {
  describe.skipIf(!requireRoot("full machine tests"))(title, () => {
    let machine: FullMachine;
    let before: string;

    beforeAll(async () => {
      machine = await FullMachine.boot("trixie");
      before = await machine.sh(LOOK);
    });
    afterAll(async () => {
      await machine.stop();
    });
    // vitest runs hooks in reverse order: the body's, this one, the one above.
    afterAll(async () => {
      const isSame = async () => (await machine.sh(LOOK)) === before;
      await waitFor("the machine to be as it was", isSame, LIMIT_MS).catch(() => undefined);
      expect(await machine.sh(LOOK)).toBe(before);
    });
    body(() => machine);
  });
}
