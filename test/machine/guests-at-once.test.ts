// Concurrent guests of one account and of several.
import { afterAll, beforeAll, expect, it } from "vitest";
import { bootCalm, LOGIND_KEEPS_USERS_MS } from "../helpers/calm-machine.ts";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import type { Machine } from "../helpers/machine.ts";
import type { Snapshot } from "../helpers/snapshot.ts";
import { times } from "../helpers/walk.ts";

const IN_A_ROW = times(200, 30);
const GUESTS = ["guest1", "guest2", "guest3", "guest4"] as const;
const guestOf = (index: number) => GUESTS[index % GUESTS.length] ?? "guest1";

describeMachine("concurrent guests", (release) => {
  let machine: Machine;
  let calm: Snapshot;

  beforeAll(async () => {
    ({ machine, calm } = await bootCalm(release, GUESTS));
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("(ten), of the same and of other accounts, each have their own home", async () => {
    const guests = await Promise.all(Array.from({ length: 10 }, (_, index) => machine.login(guestOf(index))));
    for (const [index, guest] of guests.entries())
      await guest.ask(`echo ${index} >~/mine; echo ${index} >/tmp/mine; touch ~/of-${index}`);
    const seen = await Promise.all(
      guests.map((guest) => guest.ask("cat ~/mine /tmp/mine; ls ~ | grep -c of-; ls /home | wc -l")),
    );
    expect(seen).toEqual(guests.map((_, index) => `${index}\n${index}\n1\n1`));
    const namespaces = await Promise.all(guests.map((guest) => guest.ask("readlink /proc/self/ns/mnt")));
    expect(new Set(namespaces).size).toBe(10);

    // A session's end affects no other.
    const [first, ...rest] = guests;
    await rest[3]?.ask("(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)");
    expect(await first?.logOut()).toBe(0);
    await expect.poll(async () => (await listSessions(machine)).length, { timeout: 30_000 }).toBe(9);
    expect(await findPids(machine, "sleep 4711")).toHaveLength(1);
    expect(await Promise.all(rest.map((guest) => guest.ask("cat ~/mine")))).toEqual(
      rest.map((_, index) => String(index + 1)),
    );
    await Promise.all(rest.map((guest) => guest.logOut()));
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
  });

  it(`(${IN_A_ROW} in a row) leave the host unchanged`, { timeout: 1_200_000 }, async () => {
    for (let index = 0; index < IN_A_ROW; index++) {
      const { code, stdout } = await machine.ssh(
        guestOf(index),
        "ls -A ~ | grep -c left; echo x >~/left; echo x >/tmp/left; echo x >/dev/shm/left; (setsid sleep 4712 >/dev/null 2>&1 </dev/null &)",
      );
      expect(`${code} ${stdout}`).toBe("0 0\n");
    }
    await awaitNoSessions(machine);
    expect(await findPids(machine, "sleep 4712")).toEqual([]);
    expect(await machine.snapshotLike(calm, LOGIND_KEEPS_USERS_MS)).toEqual(calm);
  });

  it("all have clean receipts", async () => {
    const receipts = await machine.journal("GUEST_ACTION=announce-closed", "_SYSTEMD_UNIT=guestd.service");
    const left = receipts
      .map((entry) => JSON.parse(entry["GUEST_RECEIPT"] ?? "{}") as { left: string[] })
      .filter((receipt) => receipt.left.length > 0);
    expect(left).toEqual([]);
    expect(new Set(receipts.map((entry) => entry["GUEST_SESSION"])).size).toBe(receipts.length);
    expect(receipts.length).toBeGreaterThanOrEqual(10 + IN_A_ROW);
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
