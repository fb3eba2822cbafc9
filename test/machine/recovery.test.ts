// Sessions continue without guestd. The next guestd ends those that ended meanwhile.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Kind } from "../../src/system/sessions/held.ts";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, findPids, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { awaitReturn, awaitStored, expectOneReceipt, handedOver, listRecords, mainPid } from "../helpers/recovery.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";
import { times } from "../helpers/walk.ts";

const SESSIONS = 20;
const KILLS = times(100, 20);
const TYPES = ["leased", "shared"] as const;
type Type = (typeof TYPES)[number];

/**
 * Descriptors that systemd stores for a session without an automounted home. A shared account's processes are isolated.
 */
const HELD_ALWAYS: readonly Kind[] = ["pidfd", "terminal", "view", "ipc"];
const HELD_SHARED: readonly Kind[] = [...HELD_ALWAYS, "reaper", "processes"];
const HELD: Readonly<Record<Type, readonly Kind[]>> = { leased: HELD_ALWAYS, shared: HELD_SHARED };

/** guestd does not return while it exists. */
const HOLD = "/run/hold";

const STAYER = "(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)";
const MEGABYTE = 1024 * 1024;
const DROP_IN = "/run/systemd/system/guestd.service.d/test.conf";

interface Guest {
  readonly terminal: Terminal;
  readonly id: string;
  readonly uid: string;
  readonly leader: number;
}

describeMachine("sessions", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    await machine.sh("guestctl status");
  });
  afterEach(async ({ task }) => {
    await machine.sh(
      `rm -f ${DROP_IN} ${HOLD}; systemctl --quiet unmask --runtime guestd; systemctl daemon-reload; systemctl reset-failed guestd || true; guestctl status`,
    );
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    expect(await leftovers(machine)).toBe("");
    expect(await listRecords(machine)).toBe("");
    expect(await findPids(machine, "sleep 4711")).toEqual([]);
    await awaitStored(machine, 0);
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function logIn(type: Type, command = "true"): Promise<Guest> {
    const terminal = type === "leased" ? await machine.loginAsGhost() : await machine.login("guest1");
    const [id = "", uid = ""] = (await terminal.ask(`echo $GUEST_SESSION; id -u; ${command}`)).split("\n");
    const leader = (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0;
    return { terminal, id, uid, leader };
  }

  const configure = (...lines: string[]) =>
    machine.write(DROP_IN, `${lines.join("\n")}\n`).then(() => machine.sh("systemctl daemon-reload"));
  const awaitHeld = () =>
    waitUntil(
      "guestd to be held down",
      () => machine.sh("systemctl show -P SubState guestd"),
      (seen) => seen === "start-pre",
    );

  /** Until letStart(), whatever calls guestd. */
  async function holdDown(): Promise<void> {
    await configure("[Service]", `ExecStartPre=/bin/sh -c 'while [ -e ${HOLD} ]; do sleep 0.05; done'`);
    await machine.sh(`touch ${HOLD}; systemctl kill -s KILL guestd`);
    await awaitHeld();
  }

  async function letStart(): Promise<void> {
    await awaitHeld();
    await machine.sh(`rm ${HOLD}`);
  }

  /** Without guestd. Only a descriptor still holds the view. */
  async function killAll({ terminal, leader, uid }: Guest, type: Type): Promise<void> {
    await machine.sh(`kill -KILL ${leader}`);
    await waitUntil(
      "the guest's processes to be gone",
      () => machine.run(["pkill", "-KILL", "-u", uid]),
      (seen) => seen.code === 1,
    );
    if (type === "shared")
      await waitUntil(
        "its reaper to be gone",
        () => machine.run(["pkill", "-KILL", "-x", "guest-reaper"]),
        (seen) => seen.code === 1,
      );
    await terminal.end();
  }

  it(
    `(${SESSIONS} of both types) survive ${KILLS} kills of guestd, keep their ids, and can each be ended`,
    { timeout: 600_000 },
    async () => {
      const guests: Guest[] = [];
      for (let count = 0; count < SESSIONS; count++)
        guests.push(await logIn(TYPES[count % 2] ?? "shared", "echo mine >~/mine"));
      const ids = guests.map(({ id }) => id).sort();
      const held = (SESSIONS / 2) * (HELD.leased.length + HELD.shared.length);
      await awaitStored(machine, held);
      for (let count = 0; count < KILLS; count++) {
        const before = await mainPid(machine);
        await machine.sh("systemctl kill -s KILL guestd");
        await awaitReturn(machine, before);
        expect((await listSessions(machine)).map(({ id, state }) => `${id} ${state}`).sort()).toEqual(
          ids.map((id) => `${id} open`),
        );
      }
      await awaitStored(machine, held);
      expect(await machine.sh(`ls -d ${guests.map(({ leader }) => `/proc/${leader}`).join(" ")} | wc -l`)).toBe(
        String(SESSIONS),
      );
      for (const [index, { terminal, id }] of guests.entries()) {
        expect(await terminal.ask("cat ~/mine; echo $GUEST_SESSION")).toBe(`mine\n${id}`);
        if (index % 4 < 2) await terminal.logOut();
        else
          expect(JSON.parse(await machine.sh(`guestctl end ${id} --json`))).toMatchObject({
            clean: true,
            cause: "ended-by-admin",
          });
        expect((await expectOneReceipt(machine, id)).left).toEqual([]);
      }
    },
  );

  describe.each(TYPES)("of a %s account", (type) => {
    it("are held by systemd while guestd is down, and by no other process after their end", async () => {
      const guest = await logIn(type, `head -c ${5 * MEGABYTE} /dev/zero >~/large`);
      await awaitStored(machine, HELD[type].length);
      await holdDown();
      await killAll(guest, type);
      await awaitStored(machine, HELD[type].length);
      await letStart();
      // Only systemd's descriptors still show what the home contains.
      const receipt = await expectOneReceipt(machine, guest.id);
      expect(receipt).toMatchObject({ cause: "leader-exited", left: [] });
      expect(receipt.tmpfsBytes).toBeGreaterThanOrEqual(5 * MEGABYTE);
      expect(handedOver(machine).sort()).toEqual(HELD[type].map((kind) => `${guest.id}-${kind}`).sort());
      await awaitStored(machine, 0);
    });

    it("are held again after a stop, which closes their descriptors", async () => {
      const guest = await logIn(type, `head -c ${5 * MEGABYTE} /dev/zero >~/large`);
      await machine.sh("systemctl stop guestd");
      await awaitStored(machine, 0);
      await machine.sh("systemctl start guestd");
      await awaitStored(machine, HELD[type].length);
      await holdDown();
      await killAll(guest, type);
      await letStart();
      expect((await expectOneReceipt(machine, guest.id)).tmpfsBytes).toBeGreaterThanOrEqual(5 * MEGABYTE);
    });

    it.each(["logs out", "is killed"])("end when guestd starts if their leader %s while it is stopped", async (how) => {
      const { terminal, id, leader } = await logIn(type, STAYER);
      // PAM's hint would have the bus start it.
      await machine.sh("systemctl stop guestd; systemctl mask --runtime guestd");
      if (how === "is killed") await machine.sh(`kill -KILL ${leader}`);
      else terminal.send("exit 0\n");
      await terminal.end();
      await machine.sh("systemctl unmask --runtime guestd; systemctl start guestd");
      expect(await expectOneReceipt(machine, id)).toMatchObject({
        cause: "leader-exited",
        leased: type === "leased",
        left: [],
      });
    });

    it("end when guestd starts if another process has reused the leader's PID, and that survives", async () => {
      const { terminal, id, leader } = await logIn(type, STAYER);
      await machine.sh("systemctl stop guestd; systemd-run --quiet --unit=bystander sleep 4713");
      const bystander = await machine.sh("systemctl show -P MainPID bystander");
      await machine.sh(
        `sed -i 's/"pid":${leader},/"pid":${bystander},/' /run/guestd/sessions/${id}.json; grep -q '"pid":${bystander},' /run/guestd/sessions/${id}.json`,
      );
      await machine.sh("systemctl start guestd");
      expect(await expectOneReceipt(machine, id)).toMatchObject({ cause: "leader-exited", left: [] });
      await terminal.end();
      expect(await machine.sh("systemctl is-active bystander; systemctl stop bystander")).toBe("active");
    });
  });

  it("continue, or are ended completely, after guestd was started too often", async () => {
    const [stays, goes] = [
      await Promise.all(TYPES.map((type) => logIn(type, STAYER))),
      await Promise.all(TYPES.map((type) => logIn(type, STAYER))),
    ];
    await configure("[Unit]", "StartLimitIntervalSec=1h", "StartLimitBurst=2");
    await waitFor(
      "systemd to start it no more",
      async () => {
        await machine.run(["systemctl", "kill", "-s", "KILL", "guestd"]);
        return (await machine.sh("systemctl show -P ActiveState guestd")) === "failed";
      },
      40_000,
    );
    await awaitStored(machine, 0);
    for (const { terminal, leader } of goes) {
      await machine.sh(`kill -KILL ${leader}`);
      await terminal.end();
    }
    await machine.sh("systemctl reset-failed guestd; systemctl start guestd");
    for (const { id } of goes)
      expect(await expectOneReceipt(machine, id)).toMatchObject({ cause: "leader-exited", left: [] });
    expect((await listSessions(machine)).map(({ id }) => id).sort()).toEqual(stays.map(({ id }) => id).sort());
    await awaitStored(machine, HELD.leased.length + HELD.shared.length);
    for (const { terminal, id } of stays) {
      await terminal.logOut();
      expect(await expectOneReceipt(machine, id)).toMatchObject({ cause: "logout", left: [] });
    }
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
