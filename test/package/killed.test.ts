// Everything that is done with the package may be killed at any place and done again. Before each command in turn: nobody is locked out
// then, and what is done again ends as if nothing had happened.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitReceipt, listSessions } from "../helpers/guests.ts";
import { placeKillPoints, runKilled } from "../helpers/killed-step.ts";
import { Machine } from "../helpers/machine.ts";
import { apt, canLogIn, makeVersion, PACKAGE, packageStatus, preseed, purge, wiredStacks } from "../helpers/package.ts";
import { compareStates, takeState } from "../helpers/system-state.ts";

const LIMIT_MS = 900_000;
/** More than any step has commands: a step that is killed at each of them never ends. */
const MOST_POINTS = 60;

describeMachine("what is killed in the middle", (release) => {
  let machine: Machine;
  let newer: string;
  let pristine: readonly string[];
  let installed: readonly string[];

  beforeAll(async () => {
    machine = await Machine.boot(release, "dependencies");
    await placeKillPoints(machine);
    newer = await makeVersion(machine, "99.0");
    pristine = await takeState(machine);
    await preseed(machine, true);
    await apt(machine, "install", PACKAGE);
    installed = await takeState(machine);
    await apt(machine, "purge", "guestd");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Does something until it is killed at that point, looks, and does it again to its end. @returns the point; undefined when it came to its end */
  async function doTwice(
    point: number,
    step: readonly string[],
    again: () => Promise<unknown>,
  ): Promise<string | undefined> {
    const killed = await runKilled(machine, point, step);
    const where = `${step.join(" ")}, killed at ${point}: ${killed ?? "not at all"}`;
    expect(await canLogIn(machine), where).toBe(true);
    const wired = await wiredStacks(machine);
    if (wired.length > 0)
      expect(await machine.sh("find /usr/lib/*/security -name pam_guest.so"), where).toMatch(/pam_guest\.so$/);
    // The ghost is a guest or nobody, never an account like others.
    const isKnown = (await machine.run(["getent", "passwd", "guest"])).code === 0;
    if (isKnown) expect(wired, where).toEqual(["auth", "session", "session-noninteractive"]);
    await machine.sh("dpkg --configure -a", { env: { DEBIAN_FRONTEND: "noninteractive" } });
    await again();
    expect(await canLogIn(machine), `${where}, and repeated`).toBe(true);
    return killed === undefined ? undefined : where;
  }

  /** The whole life of the package, each step of it killed at that point. @returns where they were killed */
  async function liveThrough(point: number): Promise<string[]> {
    await preseed(machine, true);
    const install = await doTwice(point, ["dpkg", "--install", PACKAGE], () => apt(machine, "install", PACKAGE));
    expect(compareStates(installed, await takeState(machine)), install).toEqual([]);
    const guest = await machine.sshSession("guest");
    const id = await guest.ask("echo $GUEST_SESSION; echo mine >~/mine");

    const upgrade = await doTwice(point, ["dpkg", "--install", newer], () => apt(machine, "install", newer));
    expect(await packageStatus(machine), upgrade).toBe("99.0 installed");
    expect(
      (await listSessions(machine)).map((session) => session.id),
      upgrade,
    ).toEqual([id]);
    expect(await guest.ask("cat ~/mine"), upgrade).toBe("mine");

    const remove = await doTwice(point, ["dpkg", "--remove", "guestd"], () => apt(machine, "remove", "guestd"));
    await guest.end();
    expect(await awaitReceipt(machine, id), remove).toMatchObject({ cause: "ended-by-admin", left: [] });
    expect(await machine.sh("getent passwd guest || true"), remove).toBe("");

    const purged = await doTwice(point, ["dpkg", "--purge", "guestd"], () => purge(machine));
    expect(compareStates(pristine, await takeState(machine)), purged).toEqual([]);
    return [install, upgrade, remove, purged].filter((where) => where !== undefined);
  }

  it(
    "locks nobody out and ends as it would have, at whatever command it is killed",
    async () => {
      const points: string[] = [];
      for (let point = 1, killed = [""]; killed.length > 0; point++) {
        expect(point).toBeLessThan(MOST_POINTS);
        killed = await liveThrough(point);
        points.push(...killed);
      }
      // It was killed where it matters.
      for (const command of [
        "half unpacked",
        "systemd-sysusers",
        "systemctl try-restart",
        "rename /etc/pam.d/common-auth",
        "guestctl end",
        "systemctl stop",
        "groupdel",
      ]) {
        expect(
          points.filter((where) => where.includes(command)),
          command,
        ).not.toEqual([]);
      }
    },
    LIMIT_MS,
  );
});
