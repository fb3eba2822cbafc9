// A leased guest takes all System V objects and message queues, but only their own.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, unexpectedLines } from "../helpers/guests.ts";
import type { LeasedGuest } from "../helpers/leases.ts";
import { endLease, startLease } from "../helpers/leases.ts";
import { Machine } from "../helpers/machine.ts";

const OWN = "readlink /proc/self/ns/ipc";
/** Prints "3 1" when one of each kind can be created. */
const MAKE_EACH = "ipcmk -M 4096 -S 1 -Q | wc -l; touch /dev/mqueue/one && ls /dev/mqueue | grep -c ^one$";
/** Prints how many of each kind were created. */
const TAKE_ALL = `perl -e '
  my $n = 0; $n++ while defined shmget(0, 1, 0600); print "$n\\n";
  my $m = 0; $m++ while $m < 40000 and defined msgget(0, 0600); print "$m\\n";
  my $q = 0; $q++ while $q < 1000 and open(my $f, ">", "/dev/mqueue/q$q"); print "$q\\n";'`;

/** The kernel counts bytes in queues by UID, across parallel machines. */
const RANGES = { bookworm: "66000-66099", trixie: "67000-67099" };

describeMachine("a leased guest's IPC objects", (release) => {
  let machine: Machine;
  let hog: LeasedGuest;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.write("/etc/guestd/guestd.conf.d/range.conf", `[Guests]\nLeaseRange=${RANGES[release]}\n`);
    await machine.sh("guestctl reload");
    hog = await startLease(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("are their own, including those of their user manager", async () => {
    const own = await hog.terminal.ask(OWN);
    expect(own).not.toBe(await machine.sh(OWN));
    expect(await hog.terminal.ask(`systemd-run --user --quiet --wait --pipe ${OWN}`)).toBe(own);
  });

  it("can use up every limit without affecting other users", async () => {
    const taken = (await hog.terminal.ask(TAKE_ALL, 120_000)).split("\n").map(Number);
    expect(taken[0]).toBeGreaterThanOrEqual(4000);
    expect(taken[1]).toBeGreaterThan(1000);
    expect(taken[2]).toBeGreaterThan(1);
    expect((await hog.terminal.askStatus("ipcmk -M 4096")).code).not.toBe(0);

    expect(await machine.sh(`${MAKE_EACH}; ipcrm --all; rm -f /dev/mqueue/one`)).toBe("3\n1");
    expect(await machine.sh(`${MAKE_EACH}; ipcrm --all; rm -f /dev/mqueue/one`, { user: "alice" })).toBe("3\n1");
    const next = await startLease(machine);
    expect(await next.terminal.ask(MAKE_EACH)).toBe("3\n1");
    expect((await endLease(machine, next)).left).toEqual([]);
  });

  it("are shared with a restarted user manager, also across a restart of guestd", async () => {
    const own = await hog.terminal.ask(OWN);
    for (const how of ["restart guestd", "kill --signal=KILL guestd"]) {
      await machine.sh(`systemctl ${how}; while ! guestctl status; do :; done; systemctl restart user@${hog.uid}`);
      expect(await hog.terminal.ask(`systemd-run --user --quiet --wait --pipe ${OWN}`)).toBe(own);
    }
  });

  it("are gone with the session, whose receipt is clean", async () => {
    expect((await endLease(machine, hog)).left).toEqual([]);
    await awaitNoSessions(machine);
    expect((await machine.snapshot()).ipc).toEqual([]);
    expect(await machine.sh("cat /proc/[0-9]*/comm | grep -c guest-reaper || true")).toBe("0");
  });

  it("are announced by explain", async () => {
    expect(await machine.sh("guestctl explain guest")).toMatch(/message queues are its own[^]*mqueue +\/dev\/mqueue/);
    await machine.write("/etc/guestd/guestd.conf.d/display.conf", "[Guests]\nTerminals=pts/* :*\n");
    await machine.sh("guestctl reload");
    const atDisplay = await machine.sh("guestctl explain --service=lightdm guest");
    expect(atDisplay).toContain("shares System V IPC with the host");
    expect(atDisplay).not.toContain("mqueue");
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
