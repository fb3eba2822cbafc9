// The clock is set while guests are in. A container cannot set it.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeFullMachine } from "../helpers/describe-full-machine.ts";
import type { FullMachine } from "../helpers/full-machine.ts";
import { askForRows, awaitNoSessions, listSessions } from "../helpers/guests.ts";
import { waitFor } from "../helpers/wait.ts";

/** Emulation is slow. */
const LIMIT_MS = 60_000;
/** A session of this test lasts minutes, and never a day. */
const MOST_SECONDS = 600;
const DAY = 86_400;

/** From ListReceipts. Times are in microseconds since the epoch, or of the monotonic clock. */
interface Receipt {
  readonly id: string;
  readonly cause: string;
  readonly opened: number;
  readonly closed: number;
  readonly seconds: number;
  readonly ending: number;
  readonly clean: boolean;
}

const TYPES = [
  { type: "shared", logIn: (machine: FullMachine) => machine.sshSession("guest1") },
  { type: "leased", logIn: (machine: FullMachine) => machine.loginAsGhost() },
] as const;

describeFullMachine("a full machine whose clock is set", (boot) => {
  let machine: FullMachine;

  beforeAll(() => {
    machine = boot();
  });
  afterEach(async () => {
    expect(await listSessions(machine)).toEqual([]);
    expect(await machine.sh("systemctl show -P NRestarts -P ActiveState guestd")).toBe("0\nactive");
  });
  afterAll(async () => {
    await machine.sh(`date -s @$(($(date +%s) + ${DAY}))`);
  });

  const receiptOf = (id: string) =>
    waitFor(
      "the receipt",
      async () => (await askForRows<Receipt>(machine, "ListReceipts b false")).find((one) => one.id === id),
      LIMIT_MS,
    );

  describe.each(TYPES)("with a guest of a $type account", ({ logIn }) => {
    it.each([
      ["forward", DAY],
      ["back", -DAY],
    ])("can be set %s by a day, and the receipt's duration stays right", async (_, step) => {
      const shell = await logIn(machine);
      const id = await shell.ask("echo $GUEST_SESSION", LIMIT_MS);
      const before = Number(await machine.sh("date +%s"));
      await machine.sh(`date -s @${before + step}`);
      expect(await shell.ask("echo here", LIMIT_MS)).toBe("here");
      expect(Math.abs(Number(await machine.sh("date +%s")) - before - step)).toBeLessThan(MOST_SECONDS);

      // Others come and go normally, by the current clock.
      const other = await logIn(machine);
      const otherId = await other.ask("echo $GUEST_SESSION", LIMIT_MS);
      await other.logOut(LIMIT_MS);
      const otherReceipt = await receiptOf(otherId);
      expect(otherReceipt).toMatchObject({ cause: "logout", clean: true });
      expect((otherReceipt.closed - otherReceipt.opened) / 1e6).toBeLessThan(MOST_SECONDS);

      await shell.logOut(LIMIT_MS);
      const receipt = await receiptOf(id);
      expect(receipt).toMatchObject({ cause: "logout", clean: true });
      expect(receipt.seconds).toBeGreaterThan(0);
      expect(receipt.seconds).toBeLessThan(MOST_SECONDS);
      expect(receipt.ending / 1e6).toBeLessThan(LIMIT_MS / 1000);
      // The times of day follow the clock.
      expect(Math.abs((receipt.closed - receipt.opened) / 1e6 - step)).toBeLessThan(MOST_SECONDS);
      await awaitNoSessions(machine, LIMIT_MS);
    });
  });

  it("may be before a session's beginning when guestd restarts", async () => {
    const shell = await TYPES[1].logIn(machine);
    const id = await shell.ask("echo $GUEST_SESSION", LIMIT_MS);
    await machine.sh(`date -s @$(($(date +%s) - ${DAY})); systemctl restart guestd`, { timeoutMs: LIMIT_MS });
    expect(await machine.sh("guestctl list")).toContain(id);
    expect(await machine.sh(`guestctl end ${id}`)).toContain("nothing is left");
    const receipt = await receiptOf(id);
    expect(receipt.seconds).toBeLessThan(MOST_SECONDS);
    shell.hangUp();
    await awaitNoSessions(machine, LIMIT_MS);
  });
});
