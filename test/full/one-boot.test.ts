// One full machine for limits, clock and AppArmor, which leave it as it was: a boot takes emulation longer than most of their tests.
// Not a snapshot that each begins with: what is restored has forgotten the connection that all commands go through.
import { afterAll, beforeAll, describe, expect } from "vitest";
import { FullMachine } from "../helpers/full-machine.ts";
import { requireRoot } from "../helpers/root.ts";
import { waitFor } from "../helpers/wait.ts";
import { testAppArmor } from "./apparmor.ts";
import { testClock } from "./clock.ts";
import { testLimits } from "./limits.ts";

/** Emulated: what others need a second for may take this long. */
const LIMIT_MS = 300_000;

/** What one part could leave to the next: sessions of guests and of others, quarantined uids, failed units, settings. */
const LOOK = `guestctl list --json; guestctl leases | grep quarantined || true
  loginctl list-sessions --no-legend; systemctl --failed --plain --no-legend
  ls /etc/guestd/guestd.conf.d; cat /proc/$(systemctl show -P MainPID guestd)/attr/current`;

describe.skipIf(!requireRoot("full machine tests"))("on a full machine", () => {
  let machine: FullMachine;

  beforeAll(async () => {
    machine = await FullMachine.boot("trixie");
  });
  afterAll(async () => {
    await machine.stop();
  });

  describe.each([
    ["limits", testLimits],
    ["the clock", testClock],
    ["AppArmor", testAppArmor],
  ] as const)("%s", (_, test) => {
    let before: string;

    beforeAll(async () => {
      before = await machine.sh(LOOK);
    });
    // Before those of the part: it runs behind them.
    afterAll(async () => {
      const isSame = async () => (await machine.sh(LOOK)) === before;
      await waitFor("the machine to be as it was", isSame, LIMIT_MS).catch(() => undefined);
      expect(await machine.sh(LOOK)).toBe(before);
    });
    test(() => machine);
  });
});
