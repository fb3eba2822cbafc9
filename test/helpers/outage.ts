// An outage of something that guestd needs: its machine, its end, and what must work afterwards.
import { expect } from "vitest";
import { awaitNoSessions, awaitNothingLeft, findPids, listSessions } from "./guests.ts";
import { Machine } from "./machine.ts";
import { answers, listRecords } from "./recovery.ts";
import type { Release } from "./root.ts";
import type { Terminal } from "./terminal.ts";
import { waitFor, waitUntil } from "./wait.ts";

/** A session's end waits for other services, each for a bounded time. */
export const END_LIMIT_MS = 30_000;

export const WAYS = ["leased", "shared"] as const;
export type Way = (typeof WAYS)[number];

/** guestd writes there. Each is its own file system here. */
export const STATE = "/var/lib/guestd";
export const DIRECTORIES = ["/run", STATE] as const;

/** In a leased session's receipt while journald does not answer. */
export const JOURNAL_UNSEEN = 'journal: could not be looked at: journald does not answer "journalctl --sync"';

const STAYER = "(setsid sleep 4711 >/dev/null 2>&1 </dev/null &)";

/** Either directory can be filled. */
export async function bootToFill(release: Release): Promise<Machine> {
  const machine = await Machine.boot(release);
  await machine.sh(
    `cp -a ${STATE} /root/state; mount -t tmpfs -o mode=700 tmpfs ${STATE}; cp -aT /root/state ${STATE}; guestctl status`,
  );
  return machine;
}

/** Leaves no free block, not even for root. */
export async function fill(machine: Machine, directory: string): Promise<void> {
  await machine.sh(`mount -o remount,size=$(($(df --output=used -k ${directory} | tail -1) + 64))k ${directory}`);
  // systemd removes its own files meanwhile, which frees blocks.
  await waitFor(`${directory} to be full`, async () => {
    await machine.run(["sh", "-c", `cat /dev/zero >>${directory}/ballast`]);
    return (await machine.sh(`df --output=avail ${directory} | tail -1`)).trim() === "0";
  });
}

export const empty = (directory: string) => `rm -f ${directory}/ballast; mount -o remount,size=1G ${directory}`;

/** The guest starts programs that do not end by themselves. */
export async function startGuest(
  machine: Machine,
  way: Way,
): Promise<{ readonly guest: Terminal; readonly id: string; readonly leader: number }> {
  const guest = way === "leased" ? await machine.loginAsGhost() : await machine.login("guest1");
  const id = await guest.ask(`echo $GUEST_SESSION; ${STAYER}`);
  return { guest, id, leader: (await listSessions(machine)).find((session) => session.id === id)?.leader ?? 0 };
}

/** Expects that nothing is left of the guests, and that the next one gets in. */
export async function endOutage(machine: Machine, hasFailed: boolean): Promise<void> {
  await machine.sh(
    `systemctl kill -s CONT systemd-journald systemd-logind 2>/dev/null; ${DIRECTORIES.map(empty).join("; ")}; systemctl start systemd-journald.socket systemd-journald`,
  );
  await waitFor("guestd to answer", () => answers(machine), END_LIMIT_MS);
  // Cleans up after a failed test.
  if (hasFailed) for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
  await awaitNoSessions(machine, END_LIMIT_MS);
  expect(await findPids(machine, "sleep 4711")).toEqual([]);
  await machine.sh("systemctl restart guestd; guestctl status");
  await expectNothingLeft(machine);
  expect(await machine.ssh("guest1", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
  await awaitNoSessions(machine);
}

async function expectNothingLeft(machine: Machine): Promise<void> {
  // guestd looks again at a UID quarantined by a failed search.
  await waitUntil(
    "no uid to be quarantined",
    () => listRecords(machine),
    (records) => records === "",
    END_LIMIT_MS,
  );
  await awaitNothingLeft(machine, END_LIMIT_MS);
}
