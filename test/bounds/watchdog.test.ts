// systemd kills only a guestd that does not answer in time.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { awaitState, endLease, findOwned, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

const WATCHDOG = "/etc/systemd/system/guestd.service.d/watchdog.conf";

describeMachine("a guestd with a watchdog", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  const show = (property: string) => machine.sh(`systemctl show -P ${property} guestd`);

  it("is killed and restarted when it hangs, and its guests notice nothing", async () => {
    await machine.write(WATCHDOG, "[Service]\nWatchdogSec=5s\n");
    await machine.sh("systemctl daemon-reload; systemctl restart guestd");
    const guests = [await startLease(machine), await startLease(machine)];
    const shared = await machine.login("guest1");
    const pid = await show("MainPID");
    await machine.sh(`kill -STOP ${pid}`);
    await waitFor(
      "another guestd",
      async () => (await show("ActiveState")) === "active" && ![pid, "0"].includes(await show("MainPID")),
      30_000,
    );
    expect(await listSessions(machine)).toHaveLength(3);
    for (const { terminal } of guests) expect(await terminal.ask("findmnt -n -o FSTYPE -T ~")).toBe("tmpfs");
    const id = await shared.ask("echo $GUEST_SESSION");
    await shared.logOut();
    expect((await awaitReceipt(machine, id)).left).toEqual([]);
    for (const guest of guests) expect((await endLease(machine, guest)).left).toEqual([]);
    await machine.sh(`rm ${WATCHDOG}; systemctl daemon-reload; systemctl restart guestd`);
  });

  it("is not killed while it works", { timeout: 150_000 }, async () => {
    await machine.write(WATCHDOG, "[Service]\nWatchdogSec=3s\n");
    await machine.sh("systemctl daemon-reload; systemctl restart guestd");
    const pid = await show("MainPID");
    const guest = await startLease(machine);
    await machine.sh(
      `mkdir /var/tmp/many; cd /var/tmp/many; for n in $(seq 40); do mkdir $n; (cd $n; seq 2500 | xargs touch); done; chown -R ${guest.uid} /var/tmp/many`,
      { timeoutMs: 50_000 },
    );
    const receipt = await endLease(machine, guest);
    expect(receipt.swept.find(({ kind }) => kind === "files")?.removed).toBeGreaterThan(10_000);
    // A later look removes what exceeds an end's time.
    await awaitState(machine, guest.uid, "rested", 60_000);
    expect(await findOwned(machine, guest.uid)).toBe("");
    expect(await show("MainPID")).toBe(pid);
    await machine.sh(`rm ${WATCHDOG}; systemctl daemon-reload; systemctl restart guestd`);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /left files: \/var\/tmp\/many/)).toEqual([]);
  });
});
