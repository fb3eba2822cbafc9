// Many guests at the same moment: each has a home, and the machine is unchanged afterwards.
import { afterAll, beforeAll, expect, it } from "vitest";
import { bootCalm, LOGIND_KEEPS_USERS_MS } from "../helpers/calm-machine.ts";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, unexpectedLines } from "../helpers/guests.ts";
import type { Machine } from "../helpers/machine.ts";
import type { Snapshot } from "../helpers/snapshot.ts";

const AT_ONCE = 50;
const GUESTS = ["guest1", "guest2", "guest3", "guest4"] as const;
const guestOf = (index: number) => GUESTS[index % GUESTS.length] ?? "guest1";

describeMachine("a crowd of guests", (release) => {
  let machine: Machine;
  let calm: Snapshot;

  beforeAll(async () => {
    ({ machine, calm } = await bootCalm(release, GUESTS));
    // The module's longest wait, because this does not test the machine's speed.
    await machine.sh("sed -i 's/pam_guest\\.so/& timeout=10/' /etc/pam.d/common-*");
  });
  afterAll(async () => {
    await machine.stop();
  });

  it(`${AT_ONCE} at once leave the host unchanged`, { timeout: 300_000 }, async () => {
    const command =
      "echo $GUEST_SESSION; echo x >~/left; (setsid sleep 4713 >/dev/null 2>&1 </dev/null &) ; dd if=/dev/zero of=/tmp/big bs=1M count=4 2>/dev/null; ls ~ | grep -c left";
    const results = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => machine.ssh(guestOf(index), command, { timeoutMs: 240_000 })),
    );
    expect(results.map(({ code, stdout }) => `${code} ${stdout.split("\n")[1] ?? ""}`)).toEqual(
      results.map(() => "0 1"),
    );
    expect(new Set(results.map(({ stdout }) => stdout.split("\n")[0])).size).toBe(AT_ONCE);
    await awaitNoSessions(machine, 60_000);
    expect(await findPids(machine, "sleep 4713")).toEqual([]);
    expect(await machine.snapshotLike(calm, LOGIND_KEEPS_USERS_MS)).toEqual(calm);
  });

  it("all end with a clean receipt", async () => {
    const receipts = await machine.journal("GUEST_ACTION=announce-closed", "_SYSTEMD_UNIT=guestd.service");
    const left = receipts
      .map((entry) => JSON.parse(entry["GUEST_RECEIPT"] ?? "{}") as { left: string[] })
      .filter((receipt) => receipt.left.length > 0);
    expect(left).toEqual([]);
    expect(receipts).toHaveLength(GUESTS.length + AT_ONCE);
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
