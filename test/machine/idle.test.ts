// guestd exits when idle, and returns when needed: no login notices. It also returns if stopped while guests are in.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { endLease, listLeases, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";
import { times } from "../helpers/walk.ts";

/** Read after the test machines' own file. */
const CONFIG = "/etc/guestd/guestd.conf.d/20-idle.conf";

/** During exits of guestd. */
const LOGINS = times(30, 8);

/** Under continuous calls. The file tells the callers to stop. */
const EXITS = times(5, 2);
const ENOUGH = "/run/enough";

describeMachine("an idle guestd", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    await machine.sh(`rm -f ${CONFIG}; guestctl reload`);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Asks systemd: asking guestd would start it. */
  const show = (property: string) => machine.sh(`systemctl show -P ${property} guestd`);

  async function exitAfter(seconds: number): Promise<void> {
    await machine.write(CONFIG, `[Daemon]\nIdleExit=${seconds}\n`);
    await machine.sh("guestctl reload");
  }

  async function awaitExit(): Promise<void> {
    await waitUntil(
      "guestd to exit",
      () => show("ActiveState"),
      (seen) => seen === "inactive",
      30_000,
    );
  }

  const countStarts = async () => (await machine.journal("GUEST_ACTION=daemon-started")).length;

  it("exits by itself, and is back for guestctl and for a login", async () => {
    await exitAfter(2);
    await awaitExit();
    expect([
      await show("Result"),
      await show("NRestarts"),
      await show("ExecMainStatus"),
      await show("MainPID"),
    ]).toEqual(["success", "0", "0", "0"]);
    expect(await machine.sh("systemctl is-failed guestd || true")).toBe("inactive");
    expect(await machine.sh("guestctl status")).toContain("guests:   can log in");
    expect(await show("ActiveState")).toBe("active");
    await awaitExit();

    const guest = await startLease(machine);
    expect(await show("ActiveState")).toBe("active");
    expect((await endLease(machine, guest)).left).toEqual([]);
    await awaitExit();
    expect(await machine.ssh("guest1", "echo $GUEST_SESSION")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[a-z2-7]{10}\n$/) as string,
    });
    await awaitExit();
    // Still rested.
    const rested = (await listLeases(machine)).filter(({ state }) => state === "rested");
    expect(rested.map(({ uid, last }) => last - uid + 1)).toEqual([1]);
  });

  it("stays while a guest is in", async () => {
    await exitAfter(1);
    const guest = await startLease(machine);
    const pid = await show("MainPID");
    const started = Date.now();
    await waitFor(
      "time to pass in which it would have exited",
      async () => Date.now() - started > 4000 && (await show("MainPID")) === pid,
      8000,
    );
    expect(await guest.terminal.ask("findmnt -n -o FSTYPE -T ~")).toBe("tmpfs");
    await endLease(machine, guest);
    await awaitExit();
    expect(await show("NRestarts")).toBe("0");
  });

  it("stays while a quarantined UID may be clean by now, or looks at it again", async () => {
    await exitAfter(1);
    const guest = await startLease(machine);
    await guest.terminal.ask("echo mine >~/file");
    await machine.sh(
      `systemd-run --quiet --collect --unit=holder --property=Type=exec sh -c 'exec 9<${guest.home}/file; exec sleep 4711'`,
    );
    await waitUntil(
      "root to hold it",
      () => findPids(machine, "sleep 4711"),
      (seen) => seen.length > 0,
    );
    expect((await endLease(machine, guest)).left).toHaveLength(1);
    await awaitExit();
    await machine.sh("systemctl stop holder");
    await waitUntil(
      "the uid to be swept",
      () => listLeases(machine),
      (leases) => leases.every(({ state }) => state === "unused" || state === "rested"),
      45_000,
    );
  });

  it(`lets in all who log in while it exits: ${LOGINS} logins`, { timeout: 240_000 }, async () => {
    await exitAfter(1);
    const before = await countStarts();
    // Each login follows the release of the name on the bus, later by a millisecond each time.
    const script = `for n in $(seq 0 ${LOGINS - 1}); do
      coproc bus { exec dbus-monitor --system "type='signal',member='NameOwnerChanged',arg0='org.guestd1'"; }
      guestctl status >/dev/null
      while read -r -t 20 line <&"\${bus[0]}" && [[ $line != 'string ""' || $last == 'string "org.guestd1"' ]]; do last=$line; done
      sleep "0.$(printf '%03d' "$n")"
      systemctl show -P ActiveState guestd
      su - guest2 -c 'echo "$GUEST_SESSION $(findmnt -n -o FSTYPE -T ~)"' 2>&1
      kill "$bus_PID"
      wait "$bus_PID" 2>/dev/null || true
    done`;
    const lines = (await machine.sh(script, { timeoutMs: 200_000 })).split("\n");
    const states = lines.filter((_, index) => index % 2 === 0);
    process.stdout.write(
      `${release}: guestd was ${[...new Set(states)].map((state) => `${state} ${states.filter((one) => one === state).length}`).join(", ")}\n`,
    );
    expect(lines.filter((line, index) => index % 2 === 1 && !/^[a-z2-7]{10} tmpfs$/.test(line))).toEqual([]);
    expect(lines).toHaveLength(2 * LOGINS);
    await awaitNoSessions(machine);
    // Every login has met an exit.
    expect((await countStarts()) - before).toBeGreaterThanOrEqual(LOGINS);
  });

  it("answers every call, however many come while it exits", { timeout: 180_000 }, async () => {
    await exitAfter(1);
    const before = await countStarts();
    const call = "busctl --system call org.guestd1 /org/guestd1 org.guestd1.Manager GetStatus";
    const script = `for caller in 1 2 3 4; do
      (n=0; until [ -e ${ENOUGH} ]; do ${call} >/dev/null || echo "call $n of $caller failed"; n=$((n + 1)); done; echo "calls: $n") 2>&1 &
    done; wait`;
    const callers = machine.sh(script, { timeoutMs: 170_000 });
    try {
      await waitFor(`${EXITS} exits between the calls`, async () => (await countStarts()) - before > EXITS, 150_000);
    } finally {
      await machine.sh(`touch ${ENOUGH}`);
    }
    const lines = (await callers).split("\n");
    process.stdout.write(`${release}: ${lines.join(", ")}\n`);
    expect(lines.filter((line) => !/^calls: \d\d+$/.test(line))).toEqual([]);
    await machine.sh(`rm ${ENOUGH}`);
  });

  it("is restarted at once when it is told to stop with a guest in", async () => {
    const guest = await startLease(machine);
    const pid = await show("MainPID");
    await machine.sh(`kill -TERM ${pid}`);
    // Before any call.
    await waitFor(
      "another guestd",
      async () => (await show("ActiveState")) === "active" && ![pid, "0"].includes(await show("MainPID")),
      30_000,
    );
    expect((await listSessions(machine)).map(({ id }) => id)).toEqual([guest.id]);
    expect(await guest.terminal.ask("findmnt -n -o FSTYPE -T ~")).toBe("tmpfs");
    expect((await endLease(machine, guest)).left).toEqual([]);
  });

  it("stays down when it is told to stop without a guest", async () => {
    await machine.sh("guestctl status");
    await machine.sh(`kill -TERM ${await show("MainPID")}`);
    await awaitExit();
    expect(await show("Result")).toBe("success");
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /holds a file of it/)).toEqual([]);
  });
});
