// Package operations are killed before each of their commands, and repeated: no user is locked out, and the repetition
// ends normally.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitReceipt, listSessions } from "../helpers/guests.ts";
import { placeKillPoints, runKilled } from "../helpers/killed-step.ts";
import { Machine } from "../helpers/machine.ts";
import { apt, canLogIn, makeVersion, PACKAGE, packageStatus, preseed, purge, wiredStacks } from "../helpers/package.ts";
import { compareStates, takeState } from "../helpers/system-state.ts";
import { walk } from "../helpers/walk.ts";

const LIMIT_MS = 3_600_000;
/** A run with a seed kills at one of this many points. */
const PARTS = 8;
/** A step, and its points: it was killed at the last one, or has completed. */
interface Passed {
  readonly where: string;
  readonly isKilled: boolean;
  readonly points: readonly string[];
}

/** Beyond each step's last command, so nothing is killed. */
const NEVER = 1000;
const TELLING = [
  "half unpacked",
  "systemd-sysusers",
  "systemctl try-restart",
  "rename /etc/pam.d/common-auth",
  "guestctl end",
  "systemctl stop",
  "groupdel",
];

describeMachine("an interrupted package operation", (release) => {
  let machine: Machine;
  let newer: string;
  let pristine: readonly string[];
  let installed: readonly string[] | undefined;

  beforeAll(async () => {
    machine = await Machine.boot(release, "dependencies");
    await placeKillPoints(machine);
    newer = await makeVersion(machine, "99.0");
    pristine = await takeState(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** The ghost is a guest or unknown: never an ordinary account. */
  async function expectNoHarm(where: string): Promise<void> {
    expect(await canLogIn(machine), where).toBe(true);
    const wired = await wiredStacks(machine);
    if (wired.length > 0)
      expect(await machine.sh("find /usr/lib/*/security -name pam_guest.so"), where).toMatch(/pam_guest\.so$/);
    const isKnown = (await machine.run(["getent", "passwd", "guest"])).code === 0;
    if (isKnown) expect(wired, where).toEqual(["auth", "session", "session-noninteractive"]);
  }

  /** Runs a step until it is killed, looks, and repeats the step. */
  async function doTwice(point: number, step: readonly string[], again: () => Promise<unknown>): Promise<Passed> {
    const { isKilled, points } = await runKilled(machine, point, step);
    const where = `${step.join(" ")}, ${isKilled ? "killed" : "ended"} at ${points.length}: ${points.at(-1) ?? ""}`;
    await expectNoHarm(where);
    await machine.sh("dpkg --configure -a", { env: { DEBIAN_FRONTEND: "noninteractive" } });
    await again();
    expect(await canLogIn(machine), `${where}, and repeated`).toBe(true);
    return { where, isKilled, points };
  }

  /** Each step of the package's life is killed at that point. */
  async function liveThrough(point: number): Promise<readonly Passed[]> {
    await preseed(machine, true);
    const install = await doTwice(point, ["dpkg", "--install", PACKAGE], () => apt(machine, "install", PACKAGE));
    const state = await takeState(machine);
    installed ??= state;
    expect(compareStates(installed, state), install.where).toEqual([]);
    const guest = await machine.sshSession("guest");
    const id = await guest.ask("echo $GUEST_SESSION; echo mine >~/mine");

    const upgrade = await doTwice(point, ["dpkg", "--install", newer], () => apt(machine, "install", newer));
    expect(await packageStatus(machine), upgrade.where).toBe("99.0 installed");
    expect(
      (await listSessions(machine)).map((session) => session.id),
      upgrade.where,
    ).toEqual([id]);
    expect(await guest.ask("cat ~/mine"), upgrade.where).toBe("mine");

    const remove = await doTwice(point, ["dpkg", "--remove", "guestd"], () => apt(machine, "remove", "guestd"));
    await guest.end();
    expect(await awaitReceipt(machine, id), remove.where).toMatchObject({ cause: "ended-by-admin", left: [] });
    expect(await machine.sh("getent passwd guest || true"), remove.where).toBe("");

    const purged = await doTwice(point, ["dpkg", "--purge", "guestd"], () => purge(machine));
    expect(compareStates(pristine, await takeState(machine)), purged.where).toEqual([]);
    return [install, upgrade, remove, purged];
  }

  it(
    "locks no user out and can be completed, whichever command it is killed at",
    async () => {
      const whole = await liveThrough(NEVER);
      expect(whole.filter(({ isKilled }) => isKilled)).toEqual([]);
      const passed = whole.flatMap(({ points }) => points);
      expect(TELLING.filter((command) => !passed.some((name) => name.includes(command)))).toEqual([]);

      const last = Math.max(...whole.map(({ points }) => points.length));
      const all = Array.from({ length: last }, (_, index) => index + 1);
      for (const point of walk(all, PARTS)) {
        const killed = await liveThrough(point);
        // The last two may be passed at once: KillPoint.
        const expected = whole.filter(({ points }) => points.length > point + 1).length;
        expect(killed.filter(({ isKilled }) => isKilled).length).toBeGreaterThanOrEqual(expected);
      }
    },
    LIMIT_MS,
  );
});
